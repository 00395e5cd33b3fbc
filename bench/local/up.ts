/** One `up` or `down` in a state folder of its own, for the bench to time as a whole process. */
import path from "node:path";
import { takeDown } from "../../local/platform/daemon/client.ts";
import { bringUp } from "../../local/platform/start.ts";
import { isHealthy } from "../../local/platform/status.ts";
import { placeOf } from "../../local/platform/workspace.ts";
import { findHome } from "../../local/servers/home.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const [verb, state = ""] = process.argv.slice(2);
const place = placeOf(ROOT, { ...findHome(ROOT), state });
if (verb === "down") await takeDown(place);
else {
  const { status } = await bringUp(place);
  if (!isHealthy(status)) throw new Error("not everything is healthy");
}
