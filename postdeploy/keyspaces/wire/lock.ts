/**
 * One seeder a keyspace. The lock names a connection, so a holder that was killed is known at once: the server has no client of that name.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { RENEW, TAKE_OVER, UNLOCK } from "../seed/lua.ts";
import type { Wire } from "./connection.ts";
import { refused } from "./errors.ts";
import { Refusal } from "./resp.ts";
import { nameOf } from "./target.ts";

/** How long a lock outlives a holder whose connection the server believes in. */
const LIFE_MS = 30_000;

export const clientName = (): string => `slipway-${process.pid}-${randomBytes(6).toString("hex")}`;

export async function locked<T>(wire: Wire, lock: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  await checkScripting(wire);
  // Who is in no list of clients cannot be told from who is gone: such a lock runs out.
  const own = wire.isListed ? wire.name : `${UNLISTED}${wire.name}`;
  await take(wire, lock, own, waitMs);
  let lost = false;
  const renewal = setInterval(() => {
    wire.call("EVAL", RENEW, "1", lock, own, String(LIFE_MS)).then(
      (kept) => {
        if (kept !== 0) return;
        lost = true;
        wire.close();
      },
      () => {},
    );
  }, LIFE_MS / 3);
  try {
    return await work();
  } catch (error) {
    if (lost)
      throw new Failure("lock-lost", 75, `Another run has taken the lock of ${nameOf(wire.target)}. Run again when it is done.`, {
        cause: error,
      });
    throw error;
  } finally {
    clearInterval(renewal);
    await wire.try("EVAL", UNLOCK, "1", lock, own).catch(() => {});
  }
}

const UNLISTED = "unlisted ";

/** Keys are compared and written in one step, so that nobody comes in between: in a script. */
async function checkScripting(wire: Wire): Promise<void> {
  const reply = await wire.try("EVAL", "return 1", "0");
  if (!(reply instanceof Refusal)) return;
  if (reply.code !== "NOPERM" && !/unknown command/i.test(reply.message)) throw refused(reply, wire.target);
  throw new Failure(
    "not-allowed",
    2,
    `${nameOf(wire.target)} does not let this user run scripts (${reply.message}), and a seed compares and writes in them. Nothing was written. Allow EVAL and SCRIPT, or seed as another user.`,
  );
}

async function take(wire: Wire, lock: string, own: string, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs;
  for (;;) {
    if ((await wire.call("SET", lock, own, "NX", "PX", String(LIFE_MS))) === "OK") return;
    const holder = String((await wire.call("GET", lock)) ?? "");
    if (
      holder !== "" &&
      (await isGone(wire, holder)) &&
      (await wire.call("EVAL", TAKE_OVER, "1", lock, holder, own, String(LIFE_MS))) === 1
    )
      return;
    if (Date.now() >= until)
      throw new Failure(
        "locked",
        75,
        `Another run is seeding ${nameOf(wire.target)} (${holder}). Nothing was written. Run again when it is done.`,
      );
    await sleep(100);
  }
}

async function isGone(wire: Wire, holder: string): Promise<boolean> {
  if (holder.startsWith(UNLISTED)) return false;
  const clients = await wire.try("CLIENT", "LIST");
  return Buffer.isBuffer(clients) && !clients.toString().includes(` name=${holder} `);
}
