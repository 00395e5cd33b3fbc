/** DigitalOcean goes on building a cluster after the run that requested it was killed. */
import { setTimeout as wait } from "node:timers/promises";
import type { ApiClient } from "./api.ts";
import type { Missing } from "./comparison.ts";
import { RecoverError } from "./error.ts";
import { TYPES } from "./kinds.ts";

export interface ReadinessOptions {
  /** undefined where it is gone, or has no status. */
  readonly readStatus: (missing: Missing) => Promise<string | undefined>;
  readonly report: (line: string) => void;
  /** @default process's timers */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** DigitalOcean allows 5000 requests an hour; each poll makes one for each cluster. */
const POLL_MS = 15_000;
/** As long as the components wait for a new cluster. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** @returns whether it waited, so that the comparison is out of date. */
export async function waitUntilOnline(
  missing: readonly Missing[],
  { readStatus, report, pause = wait }: ReadinessOptions,
): Promise<boolean> {
  let waiting = missing.filter(isWaiting);
  if (waiting.length === 0) return false;
  let reported = "";
  for (let waited = 0; ; waited += POLL_MS) {
    const names = waiting.map(({ name, status }) => `${name} (${status})`).join(", ");
    if (names === "") return true;
    if (waited >= LONGEST_WAIT_MS)
      throw new RecoverError(`Not online after an hour: ${names}. See https://status.digitalocean.com, and run this again.`);
    if (names !== reported) report(`Waiting until it is online: ${names}`);
    reported = names;
    await pause(POLL_MS);
    const now = await Promise.all(waiting.map(async (one): Promise<Missing> => withStatus(one, await readStatus(one))));
    waiting = now.filter(isWaiting);
  }
}

/** A reply contains passwords; only the status of it is kept. */
export async function readStatusOf(api: ApiClient, { type, importId }: Missing): Promise<string | undefined> {
  const [cluster, replica] = importId.split(",");
  const isReplica = type === TYPES.replica;
  const reply = await api.get(`/v2/databases/${cluster}${isReplica ? `/replicas/${replica}` : ""}`);
  const { status } = (reply?.[isReplica ? "replica" : "database"] ?? {}) as { readonly status?: unknown };
  return typeof status === "string" ? status : undefined;
}

const isWaiting = ({ status }: Missing): boolean => status !== undefined && status !== "" && status !== "online";

function withStatus({ status: _, ...missing }: Missing, status: string | undefined): Missing {
  return { ...missing, ...(status === undefined ? {} : { status }) };
}
