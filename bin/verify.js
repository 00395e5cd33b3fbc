/**
 * The entry point of the step that verifies a deployment. Pulumi stores a dynamic provider as text and runs it from the program's directory, so that
 * text imports only `slipway/verify`. A checkout loads the TypeScript source, the package its build.
 */
import { existsSync } from "node:fs";

const source = new URL("../operate/verify/step.ts", import.meta.url);
const built = new URL("../dist/operate/verify/step.js", import.meta.url);

export async function step(...args) {
  return (await import((existsSync(source) ? source : built).href)).step(...args);
}
