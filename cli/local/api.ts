/** `slipway local api`: DigitalOcean's API on loopback, without resources. */
import { join } from "node:path";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { openHost } from "../../local/platform/host.ts";
import { requirePort } from "../../local/platform/ports.ts";
import { endpointCommand, preferredPort, writeEndpoint } from "../../local/platform/stack-endpoint.ts";
import { STACK, type Workspace } from "../../local/platform/workspace.ts";
import { authorityFolder } from "../../local/servers/context.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { ApiOptions } from "./flags.ts";
import { rememberSources } from "./source.ts";

export async function api(options: ApiOptions, workspace: Workspace, { print, log, style }: Terminal): Promise<number> {
  const { port, timings, https = false, source } = options;
  rememberSources(source, workspace);
  const daemon = findDaemon(workspace);
  if (daemon) return reportServed(daemon.api, options, print);
  // Never falls back to another port: clients would connect to whatever listens on the expected one.
  const wanted = port ?? preferredPort(workspace.checkout);
  await requirePort(wanted, workspace.daemon, ["slipway local api", ...modeFlags(options)].join(" ")).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === "EADDRINUSE" ? new UsageError(error.message) : error;
    },
  );
  const host = await openHost(workspace, {
    log: () => {},
    onCall: ({ method, path, status, milliseconds, unknown }) => {
      const line = `${method} ${path} ${status} ${milliseconds} ms`;
      print(unknown ? style.bad(`UNKNOWN ROUTE ${line}`) : line);
    },
    ...{ https, timings, port: wanted },
  });
  await host.cloud.idle();
  log(`DIGITALOCEAN_API_URL=${host.api.url}  DIGITALOCEAN_TOKEN=${API_TOKEN}`);
  // Listens for signals before it reports that it is ready.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const written = writeEndpoint(workspace, host.api.url);
  if (written !== undefined) log(written);
  const command = endpointCommand(workspace.checkout, host.api.url);
  if (command !== undefined) log(`Stack ${STACK} names another address. To use this API with Pulumi:\n  ${command}`);
  if (https) log(`The CA certificate is ${join(authorityFolder(workspace.home.state), "ca.crt")}`);
  log("Stop it with Ctrl-C; resources and data are kept.");
  await stopped;
  await host.close(true);
  return DONE;
}

/** The API of the running platform can be used, unless other flags were given than it was started with. */
function reportServed(api: string, options: ApiOptions, print: Terminal["print"]): number {
  const { port } = options;
  const differs = [...(port !== undefined && port !== Number(new URL(api).port) ? [`--port ${port}`] : []), ...modeFlags(options)];
  if (differs.length > 0)
    throw new UsageError(
      `The running local platform already serves the API at ${api}, without ${differs.join(" ")}. Stop the platform first: slipway local down`,
    );
  print(`The running local platform already serves the API: ${api}`);
  return DONE;
}

const modeFlags = ({ https, timings }: ApiOptions): string[] => [
  ...(https ? ["--https"] : []),
  ...(timings === "instant" ? [] : [`--timings ${timings === "real" ? timings : timings / 1000}`]),
];
