import { Platform } from "./components/platform.ts";
import { EnvMemory } from "./components/quiet.ts";
import { verifyLocalApi } from "./settings/local-api.ts";
import { checked, readSettings } from "./settings/read.ts";
import { systems } from "./systems/index.ts";

/** Settings and systems in, the platform out. Declared in a function, because Pulumi finds no source lines at a module's top level. */
export default async function slipway() {
  const settings = readSettings(checked(systems));
  await verifyLocalApi(settings); // stack local: the API is this project's own
  const memory = await EnvMemory.recall();

  const platform = new Platform(settings.project, settings); // networks, clusters, firewalls, databases, secrets, post-deploy
  await platform.launch(memory); //                             apps, monitoring, project

  return { ...platform.outputs, sentVariables: memory.output };
}
