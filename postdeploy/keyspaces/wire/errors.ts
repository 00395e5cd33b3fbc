/** What a store's refusal means, and what to do about it. */
import { Failure } from "../../connect/failure.ts";
import { FETCH_CA } from "../../connect/target.ts";
import { ErrorReply } from "./resp.ts";
import { formatTarget, type Target } from "./target.ts";

/** The store is away, starting, or has another primary: the same run passes in a moment. */
export class StoreUnavailable extends Failure {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(code, 1, message, options);
  }
}

export function toFailure(error: unknown, target: Target): Failure {
  if (error instanceof Failure) return error;
  const where = formatTarget(target);
  if (error instanceof ErrorReply) return explainErrorReply(error, where);
  const { code = "", message } = error as NodeJS.ErrnoException;
  const cause = { cause: error };
  switch (code) {
    case "ECONNREFUSED":
      return new StoreUnavailable(
        "refused",
        `Nothing listens on ${where}. Is the port right (DigitalOcean: 25061), and is the store up?`,
        cause,
      );
    case "ENOTFOUND":
      return new Failure(
        "no-such-host",
        2,
        `The name ${target.host} is not known here. Inside the VPC a cluster has another name than outside.`,
        cause,
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return new Failure(
        "wrong-host",
        2,
        `The certificate on ${where} is for another name. Use the cluster's host name (private inside the VPC, public outside), not its address.`,
        cause,
      );
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "CERT_SIGNATURE_FAILURE":
      return new Failure(
        "wrong-ca",
        2,
        `The certificate on ${where} is not signed by the given CA. Fetch the cluster's own: ${FETCH_CA}, and give it with --ca ca.pem.`,
        cause,
      );
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return new Failure(
        "no-tls",
        2,
        `What listens on ${where} does not speak TLS, and without it nothing is sent. Use the TLS port (DigitalOcean: 25061).`,
        cause,
      );
    case "ETIMEDOUT":
      return new StoreUnavailable(
        "no-answer",
        `No answer from ${where}. Is this machine's address among the cluster's trusted sources?`,
        cause,
      );
    default:
      return new StoreUnavailable("lost", `The connection to ${where} broke: ${message}`, cause);
  }
}

function explainErrorReply({ code, message }: ErrorReply, where: string): Failure {
  switch (code) {
    case "WRONGPASS":
    case "NOAUTH":
      return new Failure(
        "wrong-password",
        2,
        `${where} does not take this user and password. The cluster's present ones: doctl databases connection ID.`,
      );
    case "NOPERM":
      return new Failure("not-allowed", 2, `${where} does not let this user do it: ${message}`);
    case "LOADING":
      return new StoreUnavailable("loading", `${where} is still reading its data from disk. Try again when it is up.`);
    case "READONLY":
      return new StoreUnavailable("read-only", `${where} is a replica, or became one: it takes no writes. Use the primary's address.`);
    case "MASTERDOWN":
    case "BUSY":
    case "TRYAGAIN":
    case "CLUSTERDOWN":
      return new StoreUnavailable("not-ready", `${where} is not ready: ${message}`);
    case "MOVED":
    case "CROSSSLOT":
      return clusterModeFailure(where);
    case "OOM":
      return new Failure(
        "store-full",
        1,
        `${where} is full and refuses to write. Choose a larger node, or free what is no longer needed; what was written stays, and the next run goes on.`,
      );
    case "MISCONF":
      return new Failure("not-saving", 1, `${where} cannot save to its disk and refuses to write until it can: ${message}`);
    default:
      return new Failure("refused-by-store", 1, `${where} refused: ${message}`);
  }
}

export function clusterModeFailure(where: string): Failure {
  return new Failure(
    "cluster-mode",
    2,
    `${where} runs in cluster mode, which has no numbered databases. Nothing was written. Keyspaces need a store that is not sharded.`,
  );
}
