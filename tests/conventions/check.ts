/** `npm run check`: the conventions that neither the compiler nor the linter knows. Prints every breach with its place; exit code 1 if there is one. */
import { breachesIn } from "./breaches.ts";

const breaches = breachesIn(import.meta.dirname.replace(/\/tests\/conventions$/, ""));
for (const breach of breaches) console.log(breach);
process.exitCode = breaches.length > 0 ? 1 : 0;
