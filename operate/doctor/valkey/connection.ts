/** A connection to a store that failed, as a finding. */
import { connect } from "node:net";
import { Failure } from "../../../postdeploy/connect/failure.ts";
import { FETCH_CA } from "../../../postdeploy/connect/target.ts";
import { formatTarget, parseTarget, type StoreAddress } from "../../../postdeploy/keyspaces/wire/target.ts";
import type { Finding, NextStep } from "../finding.ts";
import {
  admitThisMachine,
  findHost,
  isManaged,
  LIST_CLUSTERS,
  showListeners,
  useNameOfCertificate,
  WAIT_FOR_SERVER,
} from "../next-steps.ts";

/** @throws what is no failure of a connection, and what is wrong with the URL itself. */
export async function storeConnectionFinding(cause: unknown, address: StoreAddress): Promise<Finding> {
  if (!(cause instanceof Failure) || cause.code === "bad-url") throw cause;
  const target = parseTarget(address);
  const { host, port } = target;
  // A port without TLS takes the first bytes of TLS for a command that has not ended, and waits for the rest.
  const error =
    cause.code === "no-answer" && (await repliesInTheClear(host, port))
      ? new Failure(
          "no-tls",
          2,
          `${host}:${port} replies without TLS. slipway connects only over TLS; use the TLS port (DigitalOcean: 25061).`,
        )
      : cause;
  return {
    id: `connection-${error.code}`,
    severity: "error",
    subject: formatTarget(target),
    evidence: error.message,
    next: nextStep(error, host, port),
  };
}

function repliesInTheClear(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.write("PING\r\n"));
    const end = (isPlain: boolean) => {
      socket.destroy();
      resolve(isPlain);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once("data", (reply) => end(/^[+-]/.test(reply.toString("latin1"))));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

function nextStep({ code, message }: Failure, host: string, port: number): NextStep {
  switch (code) {
    case "no-such-host":
      return findHost(host);
    case "refused":
      return {
        text: "Start the server, or correct the port.",
        command: isManaged(host) ? LIST_CLUSTERS : showListeners(port),
      };
    case "no-answer":
      return admitThisMachine(host, port);
    case "no-tls":
      return { text: "Name the TLS port.", command: "doctl databases connection ID" };
    case "wrong-ca":
    case "expired-certificate":
      return { text: "Fetch the CA of the cluster again.", command: FETCH_CA };
    case "wrong-host":
      return useNameOfCertificate(host, port);
    case "wrong-password":
      return { text: "Read the present password.", command: "doctl databases connection ID" };
    case "not-allowed":
      return { text: "Use the user default, which may do everything.", command: "doctl databases connection ID" };
    case "loading":
      return WAIT_FOR_SERVER;
    case "not-ready":
      return /BUSY/.test(message)
        ? { text: "A script runs for too long, and the server answers no other client. Stop it.", valkey: ["SCRIPT KILL"] }
        : WAIT_FOR_SERVER;
    case "read-only":
      return { text: "Use the address of the primary. If it is lost, and this replica is to replace it:", valkey: ["REPLICAOF NO ONE"] };
    case "cluster-mode":
      return { text: "Use a server without cluster mode: keyspaces are numbered databases." };
    default:
      return { text: "Repeat the examination until the server is ready.", command: "slipway doctor --watch 5" };
  }
}
