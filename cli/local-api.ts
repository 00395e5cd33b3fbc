/** `slipway local api`: DigitalOcean's API on loopback, and nothing made in it. */
import { join } from "node:path";
import type { Timings } from "../local/cloud/core/time.ts";
import { findDaemon } from "../local/platform/daemon/client.ts";
import { API_TOKEN } from "../local/platform/defaults.ts";
import { openHost } from "../local/platform/host.ts";
import { requirePort } from "../local/platform/ports.ts";
import { endpointCommand, preferredPort } from "../local/platform/stack-endpoint.ts";
import { STACK, type Workspace } from "../local/platform/workspace.ts";
import { authorityFolder } from "../local/servers/context.ts";
import { DONE, type Given, UsageError } from "./command.ts";
import { rememberSources } from "./local-source.ts";
import { wholeNumber } from "./number.ts";
import type { Terminal } from "./terminal.ts";

export async function api({ values, place }: Given & { place: Workspace }, { print, say, style }: Terminal): Promise<number> {
  const port =
    values.port === undefined
      ? undefined
      : wholeNumber(values.port, { flag: "--port", to: 65_535, example: "slipway local api --port 4011" });
  const timings = timingsOf(values.timings);
  const https = values.https === true;
  rememberSources(values.source, place);
  const line = findDaemon(place);
  if (line) return alreadyServed(line.api, { port, https, timings: values.timings }, print);
  // Never another port than the one that is expected: a client would talk to whatever listens there.
  const wanted = port ?? preferredPort(place.checkout);
  await requirePort(wanted, place.daemon, ["slipway local api", ...sameFlags(values)].join(" ")).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "EADDRINUSE" ? new UsageError(error.message) : error;
  });
  const host = await openHost(place, {
    log: () => {},
    onCall: ({ method, path, status, milliseconds, unknown }) => {
      const line = `${method} ${path} ${status} ${milliseconds} ms`;
      print(unknown ? style.bad(`UNKNOWN ROUTE ${line}`) : line);
    },
    ...{ https, timings, port: wanted },
  });
  await host.cloud.idle();
  say(`DIGITALOCEAN_API_URL=${host.api.url}  DIGITALOCEAN_TOKEN=${API_TOKEN}`);
  // Before it says that it is ready: from then on it may be told to end.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const command = endpointCommand(place.checkout, host.api.url);
  if (command !== undefined) say(`Stack ${STACK} names another address. To use this API with Pulumi:\n  ${command}`);
  if (https) say(`Its certificate is signed by ${join(authorityFolder(place.home.state), "ca.crt")}`);
  say("End it with Ctrl-C; what was made in it stays.");
  await stopped;
  await host.close(true);
  return DONE;
}

interface Wanted {
  readonly port: number | undefined;
  readonly https: boolean;
  readonly timings: unknown;
}

/** The platform's own API is the same one; what it cannot be asked for is refused. */
function alreadyServed(api: string, { port, https, timings }: Wanted, print: Terminal["print"]): number {
  const differs = [
    ...(port !== undefined && port !== Number(new URL(api).port) ? [`--port ${port}`] : []),
    ...(https ? ["--https"] : []),
    ...(timings !== undefined && timings !== "instant" ? [`--timings ${timings}`] : []),
  ];
  if (differs.length > 0)
    throw new UsageError(
      `The platform that runs here serves the API already, at ${api}, without ${differs.join(" ")}. End the platform first: slipway local down`,
    );
  print(`It is served already, by the platform that runs here: ${api}`);
  return DONE;
}

const sameFlags = ({ https, timings }: Given["values"]): string[] => [
  ...(https === true ? ["--https"] : []),
  ...(timings === undefined ? [] : [`--timings ${timings}`]),
];

function timingsOf(said: unknown): Timings {
  if (said === undefined || said === "instant" || said === "real") return said ?? "instant";
  const seconds = Number(said);
  if (Number.isFinite(seconds) && seconds >= 0 && said !== "") return seconds * 1000;
  throw new UsageError(`--timings takes instant, real or seconds, not "${said}": slipway local api --timings real`);
}
