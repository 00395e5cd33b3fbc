/**
 * One seeder a keyspace. The lock names a connection, so a holder that was killed is known at once: the server has no client of that name.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { RELEASE_LOCK, RENEW_LOCK, TAKE_OVER_LOCK } from "../seed/lua.ts";
import type { StoreConnection } from "./connection.ts";
import { toFailure } from "./errors.ts";
import { ErrorReply } from "./resp.ts";
import { formatTarget } from "./target.ts";

/** How long a lock outlives a holder whose connection the server believes in. */
const LOCK_TTL_MS = 30_000;

export const generateClientName = (): string => `slipway-${process.pid}-${randomBytes(6).toString("hex")}`;

export async function withLock<T>(connection: StoreConnection, lock: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  await checkScripting(connection);
  // Who is in no list of clients cannot be told from who is gone: such a lock runs out.
  const own = connection.isListed ? connection.name : `${UNLISTED}${connection.name}`;
  await acquireLock(connection, lock, own, waitMs);
  let lost = false;
  const renewal = setInterval(() => {
    connection.call("EVAL", RENEW_LOCK, "1", lock, own, String(LOCK_TTL_MS)).then(
      (kept) => {
        if (kept !== 0) return;
        lost = true;
        connection.close();
      },
      () => {},
    );
  }, LOCK_TTL_MS / 3);
  try {
    return await work();
  } catch (error) {
    if (lost)
      throw new Failure(
        "lock-lost",
        75,
        `Another run has taken the lock of ${formatTarget(connection.target)}. Run again when it is done.`,
        {
          cause: error,
        },
      );
    throw error;
  } finally {
    clearInterval(renewal);
    await connection.tryCall("EVAL", RELEASE_LOCK, "1", lock, own).catch(() => {});
  }
}

const UNLISTED = "unlisted ";

/** Keys are compared and written in one step, so that nobody comes in between: in a script. */
async function checkScripting(connection: StoreConnection): Promise<void> {
  const reply = await connection.tryCall("EVAL", "return 1", "0");
  if (!(reply instanceof ErrorReply)) return;
  if (reply.code !== "NOPERM" && !/unknown command/i.test(reply.message)) throw toFailure(reply, connection.target);
  throw new Failure(
    "not-allowed",
    2,
    `${formatTarget(connection.target)} does not let this user run scripts (${reply.message}), and a seed compares and writes in them. Nothing was written. Allow EVAL and SCRIPT, or seed as another user.`,
  );
}

async function acquireLock(connection: StoreConnection, lock: string, own: string, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs;
  for (;;) {
    if ((await connection.call("SET", lock, own, "NX", "PX", String(LOCK_TTL_MS))) === "OK") return;
    const holder = String((await connection.call("GET", lock)) ?? "");
    if (
      holder !== "" &&
      (await isHolderGone(connection, holder)) &&
      (await connection.call("EVAL", TAKE_OVER_LOCK, "1", lock, holder, own, String(LOCK_TTL_MS))) === 1
    )
      return;
    if (Date.now() >= until)
      throw new Failure(
        "locked",
        75,
        `Another run is seeding ${formatTarget(connection.target)} (${holder}). Nothing was written. Run again when it is done.`,
      );
    await sleep(100);
  }
}

async function isHolderGone(connection: StoreConnection, holder: string): Promise<boolean> {
  if (holder.startsWith(UNLISTED)) return false;
  const clients = await connection.tryCall("CLIENT", "LIST");
  return Buffer.isBuffer(clients) && !clients.toString().includes(` name=${holder} `);
}
