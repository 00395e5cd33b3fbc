/** The daemon: `slipway local up` starts it and leaves it running, `slipway local down` stops it. */
import { mkdirSync, rmSync } from "node:fs";
import { PAGE_PORT } from "../defaults.ts";
import { openHost } from "../host.ts";
import { readDatabaseContents } from "../page/database-contents.ts";
import { openPage, type Page } from "../page/server.ts";
import { findFreePort } from "../ports.ts";
import type { PlatformStatus } from "../status.ts";
import { workspaceAt } from "../workspace.ts";
import { connectionFile, openControlServer, writeConnection } from "./control.ts";
import { callProvider, describeProvider, type ProviderCall } from "./remote-provider.ts";
import { codeVersion } from "./version.ts";

const [checkout = process.cwd(), state = "", cache = ""] = process.argv.slice(2);
const version = codeVersion();
const { home } = workspaceAt(checkout);
const workspace = workspaceAt(checkout, { ...home, ...(state && { state }), ...(cache && { cache }) });
const log = (line: string) => console.log(`${new Date().toISOString()} ${line}`);

mkdirSync(workspace.daemon, { recursive: true, mode: 0o700 });
const host = await openHost(workspace, { log }).catch((error: Error) => {
  // The process that starts the daemon reports the last line of its log.
  console.log(error.message);
  process.exit(1);
});
const readStatus = async (): Promise<PlatformStatus> => {
  const moves = [...(pagePort.moved === undefined ? [] : [pagePort.moved]), ...host.moves];
  const { apiMoved } = host;
  const daemon = { pid: process.pid, api: host.api.url, page: page.url, ...(apiMoved !== undefined && { apiMoved }), moves };
  return { ...(await host.status()), daemon };
};
const pagePort = await findFreePort(PAGE_PORT, "the page", workspace.daemon);
if (pagePort.moved !== undefined) log(pagePort.moved);
const page: Page = await openPage(pagePort.port, async () => {
  const [status, contents] = await Promise.all([readStatus(), readDatabaseContents(host.cloud)]);
  return { status, contents, calls: host.calls };
});
host.api.page = page.url;
const control = await openControlServer({
  describeProvider: () => describeProvider(host.provider),
  callProvider: (call: ProviderCall) => callProvider(host.provider, call),
  restartStopped: () => host.restartStopped(),
  waitUntilIdle: () => host.cloud.idle(),
  status: readStatus,
  env: ({ app, component }: { app: string; component: string }) => host.env(app, component),
  stop: ({ servers }: { servers: boolean }) => {
    setImmediate(() => shutDown(servers));
  },
});
writeConnection(workspace.daemon, { pid: process.pid, port: control.port, token: control.token, version, api: host.api.url });
log(`ready as process ${process.pid}, API on ${host.api.url}`);

let isShuttingDown = false;
async function shutDown(servers: boolean): Promise<void> {
  if (isShuttingDown) return;
  isShuttingDown = true;
  rmSync(connectionFile(workspace.daemon), { force: true });
  control.close();
  page.close();
  await host.close(servers).catch((error: Error) => log(`shutdown is incomplete: ${error.message}`));
  process.exit(0);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => shutDown(true));
// An error in one request must not stop the platform for all others.
for (const event of ["unhandledRejection", "uncaughtException"] as const)
  process.on(event, (error: Error) => log(`${event}: ${error?.stack ?? error}`));
