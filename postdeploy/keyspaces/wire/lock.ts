/**
 * The lock of a keyspace: one run seeds it at a time. The value is the holder's client name, so another run detects a killed holder at once:
 * CLIENT LIST no longer shows that name.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import type { StoreConnection } from "./connection.ts";
import { toFailure } from "./errors.ts";
import { ErrorReply } from "./resp.ts";
import { formatTarget } from "./target.ts";

/** How long a lock remains if its holder stops renewing it and still appears connected. A renewal waits behind a large value on its way to the server. */
const LOCK_TTL_MS = 120_000;
const RENEW_EVERY_MS = 10_000;

/** Deletes the lock if this run holds it. */
const RELEASE_LOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** Extends the lock if this run holds it; otherwise returns its holder, or nothing if it expired. */
const RENEW_LOCK = `local holder = redis.call('GET', KEYS[1]) if holder == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return holder or ''`;

/** Replaces a disconnected holder, unless another run was faster. */
const TAKE_OVER_LOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end return 0`;

export const generateClientName = (): string => `slipway-${process.pid}-${randomBytes(6).toString("hex")}`;

export async function withLock<T>(connection: StoreConnection, lock: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  await checkScripting(connection);
  // CLIENT LIST does not show an unlisted holder even while it runs, so its lock is not taken over: it expires.
  const holder = connection.isListed ? connection.name : `${UNLISTED}${connection.name}`;
  await acquireLock(connection, lock, holder, waitMs);
  let lost: string | undefined;
  const renewal = setInterval(() => {
    connection.call("EVAL", RENEW_LOCK, "1", lock, holder, String(LOCK_TTL_MS)).then(
      (reply) => {
        if (reply === 1) return;
        lost = String(reply) === "" ? "The lock expired" : `Another run (${String(reply)}) took over the lock`;
        connection.close();
      },
      () => {},
    );
  }, RENEW_EVERY_MS);
  try {
    return await work();
  } catch (error) {
    if (lost === undefined) throw error;
    const message = `${lost} on ${formatTarget(connection.target)} before this run was done. Run again: it continues where this one stopped.`;
    throw new Failure("lock-lost", 75, message, { cause: error });
  } finally {
    clearInterval(renewal);
    await connection.tryCall("EVAL", RELEASE_LOCK, "1", lock, holder).catch(() => {});
  }
}

const UNLISTED = "unlisted ";

/** Seeding needs scripts: they compare and write a key atomically. */
async function checkScripting(connection: StoreConnection): Promise<void> {
  const reply = await connection.tryCall("EVAL", "return 1", "0");
  if (!(reply instanceof ErrorReply)) return;
  if (reply.code !== "NOPERM" && !/unknown command/i.test(reply.message)) throw toFailure(reply, connection.target);
  throw new Failure(
    "not-allowed",
    2,
    `The user may not run scripts on ${formatTarget(connection.target)} (${reply.message}), and seeding needs them. Nothing was written. Allow EVAL and SCRIPT, or connect as another user.`,
  );
}

async function acquireLock(connection: StoreConnection, lock: string, holder: string, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs;
  for (;;) {
    if ((await connection.call("SET", lock, holder, "NX", "PX", String(LOCK_TTL_MS))) === "OK") return;
    const current = String((await connection.call("GET", lock)) ?? "");
    if (
      current !== "" &&
      (await isHolderGone(connection, current)) &&
      (await connection.call("EVAL", TAKE_OVER_LOCK, "1", lock, current, holder, String(LOCK_TTL_MS))) === 1
    )
      return;
    if (Date.now() >= until)
      throw new Failure(
        "locked",
        75,
        `Another run is seeding ${formatTarget(connection.target)} (${current}). Nothing was written. Run again when it has finished.`,
      );
    await sleep(100);
  }
}

async function isHolderGone(connection: StoreConnection, holder: string): Promise<boolean> {
  if (holder.startsWith(UNLISTED)) return false;
  const clients = await connection.tryCall("CLIENT", "LIST");
  return Buffer.isBuffer(clients) && !clients.toString().includes(` name=${holder} `);
}
