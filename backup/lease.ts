/**
 * One writer at a time for each set of data. The lease is an object that its holder renews; one that is not renewed any more can be taken over.
 *
 * Stores with conditional writes let exactly one writer take it. On others two may for a moment think so; the one whose token is no longer in the
 * object fails before it commits anything.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { Failure } from "../postdeploy/connect/failure.ts";
import { type DataSet, formatDataSet, leaseKeyOf } from "./names.ts";
import { type Content, type ObjectStore, TOO_LARGE } from "./store/object-store.ts";

const leaseSchema = z.object({
  token: z.string(),
  generation: z.int().min(1),
  host: z.string(),
  pid: z.int(),
  purpose: z.string(),
  expiresAt: z.iso.datetime(),
});

export interface Lease {
  /** Increases with each holder. */
  readonly generation: number;
  /** @throws if another process has taken over. Called before everything that cannot be undone. */
  confirm(): Promise<void>;
  release(): Promise<void>;
}

const TTL_MS = 120_000;
/** Clocks of two machines differ by less. */
const GRACE_MS = 30_000;

export async function takeLease(store: ObjectStore, set: DataSet, purpose: string, ttlMs = TTL_MS): Promise<Lease> {
  const key = leaseKeyOf(set);
  const token = randomUUID();
  const current = await readLease(store, key);
  const held = current && parseLease(current.body);
  if (held && Date.parse(held.expiresAt) + GRACE_MS > Date.now() && !isDead(held)) throw heldFailure(set, held);
  const generation = (held?.generation ?? 0) + 1;
  const text = () =>
    JSON.stringify({
      ...{ token, generation, host: hostname(), pid: process.pid, purpose },
      expiresAt: new Date(Date.now() + ttlMs).toISOString(),
    });
  const isTaken = await store.write(key, text(), current ? { etag: current.etag } : { absent: true });
  if (!isTaken) throw heldFailure(set, parseLease((await store.read(key))?.body));
  await confirm();

  let lost: Failure | undefined;
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renew().catch((error: unknown) => {
      // A store that does not answer for a moment: the next renewal or confirmation decides.
      if (error instanceof Failure && error.code === "lease-lost") lost = error;
    });
  }, ttlMs / 4);
  timer.unref();

  /** @returns the etag of the lease that this process still holds */
  async function confirm(): Promise<string> {
    const stored = await store.read(key);
    const now = parseLease(stored?.body);
    if (stored && now?.token === token) return stored.etag;
    const by = now ? ` ${describe(now)} has taken over for ${now.purpose}.` : "";
    throw new Failure(
      "lease-lost",
      1,
      `The lease of ${formatDataSet(set)} was lost, because it was not renewed in time.${by} Nothing was committed: run the command again.`,
    );
  }

  async function renew(): Promise<void> {
    await store.write(key, text(), { etag: await confirm() });
  }

  return {
    generation,
    async confirm() {
      if (lost) throw lost;
      await confirm();
    },
    async release() {
      clearInterval(timer);
      await renewing;
      // It stays, so that the next holder has a higher generation.
      const expired = JSON.stringify({ ...(JSON.parse(text()) as object), expiresAt: new Date(0).toISOString() });
      await confirm().then(
        (etag) => store.write(key, expired, { etag }),
        () => {},
      );
    },
  };
}

type HeldLease = z.infer<typeof leaseSchema>;
const describe = ({ host, pid }: HeldLease): string => `process ${pid} on ${host}`;

/** A process of this machine that was killed. One of another machine with the same name, which is alive, notices before it commits. */
function isDead({ host, pid }: HeldLease): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** A lease that cannot be read protects nothing. One that is too large to be read cannot be replaced by its etag either, so it is removed. */
async function readLease(store: ObjectStore, key: string): Promise<Content | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (!(error instanceof Failure && error.code === TOO_LARGE)) throw error;
    await store.remove(key);
    return undefined;
  }
}

function parseLease(body: Buffer | undefined): HeldLease | undefined {
  try {
    return leaseSchema.parse(JSON.parse(String(body)));
  } catch {
    // A lease that cannot be read protects nothing.
    return undefined;
  }
}

function heldFailure(set: DataSet, held: HeldLease | undefined): Failure {
  const holder = held
    ? `${describe(held)} holds its lease for ${held.purpose}, until ${held.expiresAt}`
    : "another process has just taken its lease";
  return new Failure(
    "locked",
    75,
    `${formatDataSet(set)} is in use: ${holder}. Try again later. If that process is dead, the lease ends by itself.`,
  );
}
