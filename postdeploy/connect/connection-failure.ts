/** Explains why a connection failed, and what to do. */
import { Failure } from "./failure.ts";
import { type DatabaseError, sqlstate } from "./sqlstate.ts";
import { FETCH_CA, nameOf, type Target } from "./target.ts";

export function connectionFailure(error: unknown, target: Target): Failure {
  const [code, exit, text] = explain(error as DatabaseError, target);
  return new Failure(code, exit, `Cannot connect to ${nameOf(target)}: ${text}`, { cause: error });
}

const REQUIRES_TLS = `the server requires TLS. Pass the CA certificate with --ca ca.pem or PGSSLROOTCERT. To fetch it: ${FETCH_CA}`;

function explain(error: DatabaseError, { host, port, database, user }: Target): [code: string, exit: 1 | 2, text: string] {
  switch (sqlstate(error)) {
    case "28P01":
      return ["wrong-password", 2, `the server rejected the password of ${user}. If it was rotated, read the URL again.`];
    case "28000":
      return [
        "not-let-in",
        2,
        `${error.message}. The access rules of the server reject ${user}${/no encryption/.test(error.message) ? `: ${REQUIRES_TLS}` : "."}`,
      ];
    case "3D000":
      return ["no-database", 2, `database "${database}" does not exist on this server.`];
    case "22023":
      return [
        "no-role",
        2,
        `${error.message}. It is the owner of the objects. Run the roles step, which creates it; or make the connecting role the owner (--owner none).`,
      ];
    case "53300":
      return ["no-connection-free", 1, "all connections of the server are in use. Reduce the size of a pool, or choose a larger node."];
    case "57P03":
      return ["server-starting", 1, `the server is not ready (${error.message}). Try again in a moment.`];
    case "42501":
      return [
        "not-allowed",
        2,
        `${error.message}. ${user} must be a member of the role that owns the objects. Run the roles step, or GRANT the membership as the admin.`,
      ];
    case "08P01":
      if (/startup parameter/i.test(error.message)) return ["pooled", 2, poolMessage(host, port)];
      // PgBouncer checks this before everything else.
      if (/^SSL required/i.test(error.message)) return ["not-let-in", 2, `${error.message}: ${REQUIRES_TLS}`];
      break;
    default:
  }
  if (/unsupported startup parameter/i.test(error.message)) return ["pooled", 2, poolMessage(host, port)];
  switch (error.code) {
    case "ECONNREFUSED":
      return [
        "refused",
        1,
        `no server listens on ${host}:${port}. Check the port (DigitalOcean: 25060) and whether the server is running.`,
      ];
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return ["no-such-host", 2, `host name ${host} cannot be resolved. A cluster has different names inside and outside its VPC.`];
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return [
        "wrong-host",
        2,
        `the certificate of the server is not valid for ${host}. Use the host name of the cluster (private inside the VPC, public outside), not its IP address.`,
      ];
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return [
        "expired-certificate",
        2,
        `the certificate of the server, or of its CA, ${error.code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet"}. Check the clock of this machine, then fetch the CA of the cluster again: ${FETCH_CA}`,
      ];
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return [
        "wrong-ca",
        2,
        `the certificate of the server is not signed by the given CA. Fetch the CA of the cluster (${FETCH_CA}) and pass it with --ca ca.pem.`,
      ];
    default:
  }
  if (/timeout expired/.test(error.message) || error.code === "ETIMEDOUT")
    return [
      "no-answer",
      1,
      `no reply from ${host}:${port}. Check that the address of this machine is among the trusted sources of the cluster.`,
    ];
  if (/does not support SSL/.test(error.message)) return ["no-tls", 2, "the server does not support TLS, which slipway requires."];
  return ["cannot-connect", 1, error.message];
}

export function poolMessage(host: string, port: number): string {
  return `${host}:${port} is a connection pool, which does not keep session locks and settings. Use the direct address (DigitalOcean: port 25060, not 25061).`;
}
