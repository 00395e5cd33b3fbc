/** Translates connection errors and error replies into failures that name the cause and the fix. */
import { Failure } from "../../connect/failure.ts";
import { FETCH_CA } from "../../connect/target.ts";
import { ErrorReply } from "./resp.ts";
import { formatTarget, type Target } from "./target.ts";

/** The store is down, starting or failing over. Retrying helps. */
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
        `Connection to ${where} refused. Check the port (DigitalOcean: 25061) and that the store is running.`,
        cause,
      );
    case "ENOTFOUND":
      return new Failure(
        "no-such-host",
        2,
        `Host ${target.host} not found. A cluster has a private host name inside the VPC and a public one outside; check which one you use.`,
        cause,
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return new Failure(
        "wrong-host",
        2,
        `The certificate of ${where} is issued for another host name. Use the cluster's host name (private inside the VPC, public outside), not its IP address.`,
        cause,
      );
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return new Failure(
        "expired-certificate",
        2,
        `The certificate of ${where}, or of its CA, ${code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet"}. Check the clock of this machine, then fetch the CA of the cluster again: ${FETCH_CA}`,
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
        `The certificate of ${where} is not signed by the given CA. Download the cluster's CA (${FETCH_CA}) and pass it with --ca ca.pem.`,
        cause,
      );
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return new Failure(
        "no-tls",
        2,
        `${where} does not use TLS. slipway connects only over TLS; use the TLS port (DigitalOcean: 25061).`,
        cause,
      );
    case "ETIMEDOUT":
      return new StoreUnavailable(
        "no-answer",
        `${where} does not respond. Check that this machine's IP address is among the cluster's trusted sources.`,
        cause,
      );
    default:
      return new StoreUnavailable("lost", `Connection to ${where} lost: ${message}`, cause);
  }
}

function explainErrorReply({ code, message }: ErrorReply, where: string): Failure {
  switch (code) {
    case "WRONGPASS":
    case "NOAUTH":
      return new Failure(
        "wrong-password",
        2,
        `${where} rejects this user and password. Get the current credentials: doctl databases connection ID`,
      );
    case "NOPERM":
      return new Failure("not-allowed", 2, `The user lacks a permission on ${where}: ${message}`);
    case "LOADING":
      return new StoreUnavailable("loading", `${where} is still loading its data from disk. Run again when it is ready.`);
    case "READONLY":
      return new StoreUnavailable("read-only", `${where} is a replica and rejects writes. Use the address of the primary.`);
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
        `${where} is out of memory and rejects writes. Resize to a larger node or remove data, then run again: keys that are already written stay, and the next run continues.`,
      );
    case "MISCONF":
      return new Failure("not-saving", 1, `${where} cannot save to disk and rejects writes until it can: ${message}`);
    default:
      return new Failure("refused-by-store", 1, `${where} returned an error: ${message}`);
  }
}

export function clusterModeFailure(where: string): Failure {
  return new Failure(
    "cluster-mode",
    2,
    `${where} runs in cluster mode, which has no numbered databases. Nothing was written. Use a store without sharding.`,
  );
}
