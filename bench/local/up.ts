/** One `up` or `down` in a state folder of its own, for the bench to time as a whole process. */
import path from "node:path";
import { placeOf } from "../../local/platform/place.ts";
import { takeDown } from "../../local/platform/reach.ts";
import { isHealthy } from "../../local/platform/status.ts";
import { bringUp } from "../../local/platform/up.ts";
import { findHome } from "../../local/servers/home.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const [verb, state = ""] = process.argv.slice(2);
const place = placeOf(ROOT, { ...findHome(ROOT), state });
if (verb === "down") await takeDown(place);
else {
  const { status } = await bringUp(place);
  if (!isHealthy(status)) throw new Error("not everything is healthy");
}
