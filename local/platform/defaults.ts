/** The token of the API; Pulumi.local.yaml has the same. */
export const API_TOKEN = "local";
/** What reaches every bucket. */
export const SPACES_KEY = { accessKey: "local", secretKey: "local-secret" };
/** Where the page is looked for first. */
export const PAGE_PORT = 4009;
