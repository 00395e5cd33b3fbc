/** Verifies again while a check fails that may pass by itself. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Check } from "./check.ts";
import { type VerifyOptions, type VerifySubject, verify } from "./verify.ts";

/** Routers, pools and logs learn of a change one after the other, so a check that failed is repeated for this long. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 2000;

export interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** @default 30,000 */
  readonly patienceMs?: number | undefined;
}

export async function verifyPatiently(
  subject: VerifySubject,
  options: VerifyOptions,
  { signal, patienceMs = PATIENCE_MS }: Patience = {},
): Promise<readonly Check[]> {
  for (const until = Date.now() + patienceMs; ; await sleep(PAUSE_MS, undefined, signal && { signal })) {
    const checks = await verify(subject, options);
    if (Date.now() > until || !checks.some(mayPass)) return checks;
  }
}

/** What a service answers and logs changes by itself after a deployment; a missing migration or variable does not. */
function mayPass({ kind, outcome }: Check): boolean {
  return outcome === "failed" && ["health", "probes", "canary", "log"].includes(kind);
}
