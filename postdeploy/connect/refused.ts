/** Why a connection did not come about, told apart, each with the next step. */
import { Failure } from "./failure.ts";
import { type DatabaseError, sqlstate } from "./sqlstate.ts";
import { FETCH_CA, nameOf, type Target } from "./target.ts";

export function refused(error: unknown, target: Target): Failure {
  const [code, exit, text] = explain(error as DatabaseError, target);
  return new Failure(code, exit, `Cannot connect to ${nameOf(target)}: ${text}`, { cause: error });
}

const WANTS_TLS = `it wants TLS: give the CA, --ca ca.pem or PGSSLROOTCERT (${FETCH_CA})`;

function explain(error: DatabaseError, { host, port, database, user }: Target): [code: string, exit: 1 | 2, text: string] {
  switch (sqlstate(error)) {
    case "28P01":
      return ["wrong-password", 2, `the server refuses the password of ${user}. Was it rotated? Read the URL anew.`];
    case "28000":
      return [
        "not-let-in",
        2,
        `${error.message}. The server's rules do not let ${user} in this way${/no encryption/.test(error.message) ? `; ${WANTS_TLS}` : ""}.`,
      ];
    case "3D000":
      return ["no-database", 2, `there is no database "${database}" on this server.`];
    case "22023":
      return [
        "no-role",
        2,
        `${error.message}. The objects are to belong to it: run the roles step, which makes it; or let them belong to whoever connects (--owner none).`,
      ];
    case "53300":
      return ["no-connection-free", 1, "every connection of the server is taken. Let a pool give some back, or choose a larger node."];
    case "57P03":
      return ["server-starting", 1, `the server is not ready (${error.message}). Try again in a moment.`];
    case "42501":
      return [
        "not-allowed",
        2,
        `${error.message}. ${user} must be a member of the role that is to own the objects: run the roles step, or GRANT it as the admin.`,
      ];
    case "08P01":
      if (/startup parameter/i.test(error.message)) return ["pooled", 2, pooled(host, port)];
      // So says PgBouncer, before it has looked at anything else.
      if (/^SSL required/i.test(error.message)) return ["not-let-in", 2, `${error.message}; ${WANTS_TLS}.`];
      break;
    default:
  }
  if (/unsupported startup parameter/i.test(error.message)) return ["pooled", 2, pooled(host, port)];
  switch (error.code) {
    case "ECONNREFUSED":
      return ["refused", 1, `nothing listens on ${host}:${port}. Is the port right (DigitalOcean: 25060), and is the server up?`];
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return ["no-such-host", 2, `the name ${host} is not known here. Inside the VPC a cluster has another name than outside.`];
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return [
        "wrong-host",
        2,
        `the certificate is for another name than ${host}. Use the host name of the cluster (private inside the VPC, public outside), not its address.`,
      ];
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return [
        "wrong-ca",
        2,
        `its certificate is not signed by the given CA. Fetch the cluster's own: ${FETCH_CA}, and give it with --ca ca.pem.`,
      ];
    default:
  }
  if (/timeout expired/.test(error.message) || error.code === "ETIMEDOUT")
    return ["no-answer", 1, `no answer from ${host}:${port}. Is this machine's address among the cluster's trusted sources?`];
  if (/does not support SSL/.test(error.message)) return ["no-tls", 2, "the server does not speak TLS, and without it nothing is sent."];
  return ["cannot-connect", 1, error.message];
}

export function pooled(host: string, port: number): string {
  return `${host}:${port} is a connection pool. Locks and settings do not survive one, so migrations take the direct address (DigitalOcean: port 25060, not 25061).`;
}
