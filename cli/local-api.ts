/** `slipway local api`: DigitalOcean's API on loopback, and nothing made in it. */
import { join } from "node:path";
import type { Timings } from "../local/cloud/waits.ts";
import { API_TOKEN } from "../local/platform/api.ts";
import { openHost } from "../local/platform/host.ts";
import type { Place } from "../local/platform/place.ts";
import { lineTo } from "../local/platform/reach.ts";
import { authorityFolder } from "../local/servers/workshop.ts";
import { DONE, type Given, UsageError } from "./command.ts";
import { rememberSources } from "./local-source.ts";
import type { Terminal } from "./terminal.ts";

export async function api({ values, place }: Given & { place: Place }, { print, say, style }: Terminal): Promise<number> {
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new UsageError(`--port takes a number from 1 to 65535, not "${values.port}": slipway local api --port 4010`);
  const timings = timingsOf(values.timings);
  const https = values.https === true;
  rememberSources(values.source, place);
  const line = lineTo(place);
  if (line) {
    print(`It is served already, by the platform that runs here: ${line.api}`);
    return DONE;
  }
  const host = await openHost(place, {
    log: () => {},
    onCall: ({ method, path, status, milliseconds, unknown }) => {
      const line = `${method} ${path} ${status} ${milliseconds} ms`;
      print(unknown ? style.bad(`UNKNOWN ROUTE ${line}`) : line);
    },
    ...{ https, timings },
    ...(port !== undefined && { port }),
  });
  await host.cloud.idle();
  say(`DIGITALOCEAN_API_URL=${host.api.url}  DIGITALOCEAN_TOKEN=${API_TOKEN}`);
  if (https) say(`Its certificate is signed by ${join(authorityFolder(place.home.state), "ca.crt")}`);
  say("End it with Ctrl-C; what was made in it stays.");
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await host.close(true);
  return DONE;
}

function timingsOf(said: unknown): Timings {
  if (said === undefined || said === "instant" || said === "real") return said ?? "instant";
  const seconds = Number(said);
  if (Number.isFinite(seconds) && seconds >= 0 && said !== "") return seconds * 1000;
  throw new UsageError(`--timings takes instant, real or seconds, not "${said}": slipway local api --timings real`);
}
