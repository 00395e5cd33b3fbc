/** The API's token, which Pulumi.local.yaml also contains. */
export const API_TOKEN = "local";
/** A key with access to all buckets. */
export const SPACES_KEY = { accessKey: "local", secretKey: "local-secret" };
/** The first port that the status page tries. */
export const PAGE_PORT = 4009;
