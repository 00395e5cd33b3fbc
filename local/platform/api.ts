/** What the HTTP face is called by; Pulumi.local.yaml says the same. */
export const API_PORT = 4010;
export const API_TOKEN = "local";
/** What reaches every bucket. */
export const SPACES_KEY = { accessKey: "local", secretKey: "local-secret" };
/** Where the page is looked for first. */
export const PAGE_PORT = 4009;
