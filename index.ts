import { platform } from "./components/platform.ts";
import { systems } from "./systems/index.ts";

/** The stack's config decides which systems it holds, how large they are, and where they run. */
export default async function slipway() {
  return await platform({ systems });
}
