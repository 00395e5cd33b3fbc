/**
 * The door of the post-deploy steps. Pulumi keeps a dynamic provider as text and runs it from the program's directory, so that text names
 * nothing but `slipway/postdeploy`; what lies behind may move. In a checkout that is the TypeScript as it stands, in the package its build.
 */
import { existsSync } from "node:fs";

const source = new URL("../postdeploy/steps.ts", import.meta.url);
const built = new URL("../dist/postdeploy/steps.js", import.meta.url);

export async function step(...args) {
  const steps = await import((existsSync(source) ? source : built).href);
  return steps.step(...args);
}
