/** slipway's recorder must patch the same copy of the SDK that the program loads, which can be another version than slipway's own. */
import { registerHooks } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** @param directory of the program. Call it before anything of the SDK is loaded. */
export function useSdkOfProgram(directory: string): void {
  const own = pathToFileURL(`${path.join(import.meta.dirname, "..")}/`).href;
  const parentURL = pathToFileURL(path.join(directory, "package.json")).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith("@pulumi/") &&
      context.parentURL?.startsWith(own) &&
      !context.parentURL.slice(own.length).includes("node_modules/")
        ? next(specifier, { ...context, parentURL })
        : next(specifier, context),
  });
}
