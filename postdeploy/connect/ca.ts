/** How a cluster's own CA certificate comes into a file. */
export const FETCH_CA = "doctl databases get-ca ID --format Certificate --no-header > ca.pem";
