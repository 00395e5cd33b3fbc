/**
 * The entry point of the post-deploy steps. Pulumi stores a dynamic provider as text and runs it from the program's directory, so that text
 * imports only `slipway/postdeploy`, and the modules behind it can move. A checkout loads the TypeScript source, the package its build.
 */
import { existsSync } from "node:fs";

const source = new URL("../postdeploy/steps.ts", import.meta.url);
const built = new URL("../dist/postdeploy/steps.js", import.meta.url);

export async function step(...args) {
  return (await load()).step(...args);
}

export async function findFileErrors(systems) {
  return (await load()).findFileErrors(systems);
}

export async function stopWithEngine() {
  (await load()).stopWithEngine();
}

function load() {
  return import((existsSync(source) ? source : built).href);
}
