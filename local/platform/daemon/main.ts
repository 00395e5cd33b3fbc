/** The process that stays when `slipway local up` has returned. Started by it, ended by `slipway local down`. */
import { mkdirSync, rmSync } from "node:fs";
import { PAGE_PORT } from "../defaults.ts";
import { openHost } from "../host.ts";
import { readDatabaseContents } from "../page/database-contents.ts";
import { openPage, type Page } from "../page/server.ts";
import { findFreePort } from "../ports.ts";
import type { PlatformStatus } from "../status.ts";
import { workspaceAt } from "../workspace.ts";
import { connectionFile, openControlServer, writeConnection } from "./control.ts";
import { callWorld, describeWorld, type WorldCall } from "./remote-world.ts";
import { codeVersion } from "./version.ts";

const [checkout = process.cwd(), state = "", cache = ""] = process.argv.slice(2);
const version = codeVersion();
const { home } = workspaceAt(checkout);
const place = workspaceAt(checkout, { ...home, ...(state && { state }), ...(cache && { cache }) });
const log = (line: string) => console.log(`${new Date().toISOString()} ${line}`);

mkdirSync(place.daemon, { recursive: true, mode: 0o700 });
const host = await openHost(place, { log }).catch((error: Error) => {
  // The last line of the log is what whoever waits for this is told.
  console.log(error.message);
  process.exit(1);
});
const told = async (): Promise<PlatformStatus> => {
  const moves = [...(pagePort.moved === undefined ? [] : [pagePort.moved]), ...host.moves];
  const { apiMoved } = host;
  const daemon = { pid: process.pid, api: host.api.url, page: page.url, ...(apiMoved !== undefined && { apiMoved }), moves };
  return { ...(await host.status()), daemon };
};
const pagePort = await findFreePort(PAGE_PORT, "the page", place.daemon);
if (pagePort.moved !== undefined) log(pagePort.moved);
const page: Page = await openPage(pagePort.port, async () => {
  const [status, contents] = await Promise.all([told(), readDatabaseContents(host.cloud)]);
  return { status, contents, calls: host.calls };
});
const control = await openControlServer({
  sketch: () => describeWorld(host.world),
  world: (call: WorldCall) => callWorld(host.world, call),
  mend: () => host.restartStopped(),
  settled: () => host.cloud.idle(),
  status: told,
  env: ({ app, component }: { app: string; component: string }) => host.env(app, component),
  stop: ({ servers }: { servers: boolean }) => {
    setImmediate(() => end(servers));
  },
});
writeConnection(place.daemon, { pid: process.pid, port: control.port, token: control.token, version, api: host.api.url });
log(`ready as process ${process.pid}, API on ${host.api.url}`);

let ending = false;
async function end(servers: boolean): Promise<void> {
  if (ending) return;
  ending = true;
  rmSync(connectionFile(place.daemon), { force: true });
  control.close();
  page.close();
  await host.close(servers).catch((error: Error) => log(`not everything ended: ${error.message}`));
  process.exit(0);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end(true));
// Nothing that one request does wrong may take the databases' cloud away from everybody else.
for (const event of ["unhandledRejection", "uncaughtException"] as const)
  process.on(event, (error: Error) => log(`${event}: ${error?.stack ?? error}`));
