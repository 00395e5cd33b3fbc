import { readFileSync } from "node:fs";

/** slipway's own, from its package. Compiled, this file is in dist/. */
export function version(): string {
  const place = import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json";
  return (JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")) as { version: string }).version;
}
