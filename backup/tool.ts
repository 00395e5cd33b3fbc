import { readFileSync } from "node:fs";

/** "slipway 1.2.0", as manifests and records name what wrote them. Compiled, this file is in dist/. */
export function toolName(): string {
  const place = import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json";
  return `slipway ${(JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")) as { version: string }).version}`;
}
