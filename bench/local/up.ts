/** Runs one `up` or `down` in a given state folder, as a process that the benchmark measures. */
import path from "node:path";
import { stopPlatform } from "../../local/platform/daemon/client.ts";
import { startPlatform } from "../../local/platform/start.ts";
import { isHealthy } from "../../local/platform/status.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { findHome } from "../../local/servers/home.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const [verb, state = ""] = process.argv.slice(2);
const place = workspaceAt(ROOT, { ...findHome(ROOT), state });
if (verb === "down") await stopPlatform(place);
else {
  const { status } = await startPlatform(place);
  if (!isHealthy(status)) throw new Error("a service is not healthy");
}
