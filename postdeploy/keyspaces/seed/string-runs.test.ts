/** Runs of plain strings go a way of their own through guarded seeding. It must end where the long way ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf, type TestFolder } from "../../migrate/testing/folder.ts";
import type { Options, Progress } from "../inspect/options.ts";
import { startStore, type TestStore } from "../testing/store.ts";
import { seed, verify } from "./seed.ts";

let store: TestStore;
beforeAll(async () => {
  store = await startStore("runs");
});
afterAll(async () => {
  await store.stop();
  cleanFolders();
});
beforeEach(() => store.command(["FLUSHALL"]));

const yaml = (policy: string) => `keyspace: things
store: state
database: 1
durable: true
purpose: What a test needs
policy: ${policy}
keys:
  - { pattern: "text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "map:<n>", type: hash, ttl: none, owner: test, purpose: p }
data: [a.jsonl]
`;

const plain = (n: number, text = `value ${n}`) => JSON.stringify({ key: `text:${n}`, string: text });
const plains = (from: number, end: number) => Array.from({ length: end - from }, (_, n) => plain(from + n));
/** The same line in a form that is no plain one. */
const spaced = (line: string) => line.replace(/^\{/, "{ ");

const folder = (lines: string, policy = "ensure") => folderOf({ "things.yaml": yaml(policy), "a.jsonl": lines });
const options = ({ path }: TestFolder, onProgress?: Options["onProgress"]): Options => ({
  folder: path,
  system: "shop",
  stores: { state: store.address() },
  patienceMs: 0,
  onProgress,
});
const ask = (...words: string[]) => store.command(words, 1);

async function held() {
  const ledger = (await ask("HGETALL", "slipway:{shop/things}:ledger")) as string[];
  return { keys: await store.dump(1), ledger: ledger.map((name, at) => (at % 2 === 0 ? `${name} ${ledger[at + 1]}` : "")).sort() };
}

describe("a run of strings", () => {
  it.each([
    ["at the end of lines, a carriage return", `${plains(0, 250).join("\r\n")}\r\n`],
    ["no end to the last line", plains(0, 250).join("\n")],
    [
      "blank lines between them",
      plains(0, 400)
        .join("\n")
        .replace(/(text:(?:120|121|390)",[^\n]*\n)/g, "$1\n \n"),
    ],
    ["text that is no ASCII", Array.from({ length: 250 }, (_, n) => plain(n, `ünd 日本 🎈 ${n}`)).join("\n")],
    [
      "an escape, a number, a hash among them",
      plains(0, 400)
        .with(130, plain(130, 'a "b"\n'))
        .with(131, '{"key":"text:131","string":7}')
        .with(250, '{"key":"map:1","hash":{"a":"b"}}')
        .join("\n"),
    ],
    ["names that are no ASCII among them", plains(0, 300).with(150, '{"key":"text:ü","string":"a"}').join("\n")],
    ["empty texts and long ones", Array.from({ length: 250 }, (_, n) => plain(n, n % 2 ? "" : "long ".repeat(2000))).join("\n")],
    ["more than one block of the file", plains(0, 9000).join("\n")],
  ])("with %s leaves what the long way leaves, ledger and all, and nothing to do", async (_, lines) => {
    for (const policy of ["ensure", "own"]) {
      await seed(options(folder(lines.split("\n").map(spaced).join("\n"), policy)));
      const long = await held();
      await store.command(["FLUSHALL"]);
      const short = folder(lines, policy);
      await seed(options(short));
      expect(await held()).toEqual(long);
      expect(await seed(options(short))).toMatchObject([{ unchanged: true }]);
      expect(await verify(options(short))).toMatchObject([{ unchanged: true }]);
      await store.command(["FLUSHALL"]);
    }
  });

  it("with a key of another type among them stops, names it, and has written none", async () => {
    await ask("RPUSH", "text:150", "theirs");
    const { code, message } = (await failure(seed(options(folder(plains(0, 300).join("\n")))))) as never as {
      code: string;
      message: string;
    };
    expect([code, message]).toEqual(["wrong-type", expect.stringContaining("text:150 is a list, and declared as a string")]);
    expect(await ask("DBSIZE")).toBe(1);
  });

  it("of which somebody has one already is written around it", async () => {
    await ask("SET", "text:150", "theirs");
    const [result] = await seed(options(folder(plains(0, 300).join("\n"))));
    expect(result?.tally).toMatchObject({ changes: { write: 299 }, keptKeys: [{ key: "text:150", why: "was there before us" }] });
    expect(await ask("MGET", "text:149", "text:150")).toEqual(["value 149", "theirs"]);
  });

  it("into which somebody writes between our look and our writing is written around it", async () => {
    const theirs: Promise<unknown>[] = [];
    const onProgress = (event: Progress) => {
      if (event.kind === "keys" && event.phase === "compare" && theirs.length === 0)
        theirs.push(ask("SET", "text:150", "theirs"), ask("SET", "text:250", "value 250"), ask("RPUSH", "map:9", "theirs"));
    };
    const here = folder(plains(0, 300).join("\n"));
    // Nothing is written before the lock is taken, and whoever has it lets us wait until the others are done.
    await ask("SET", "slipway:{shop/things}:lock", "unlisted other", "PX", "500");
    const [result] = await seed(options(here, onProgress));
    await Promise.all(theirs);
    expect(theirs).toHaveLength(3);
    expect(result?.tally).toMatchObject({ kept: 1, keptKeys: [{ key: "text:150", why: "was there before us" }], changes: { write: 298 } });
    expect(await ask("MGET", "text:150", "text:250", "text:299")).toEqual(["theirs", "value 250", "value 299"]);
  });

  it("is put back where it is ours, kept where it is not, and left where it was written one time", async () => {
    for (const [policy, after] of [
      ["own", "value 150"],
      ["ensure", "theirs"],
      ["once", "theirs"],
    ] as const) {
      const here = folder(plains(0, 300).join("\n"), policy);
      await seed(options(here));
      await ask("SET", "text:150", "theirs");
      const [result] = await seed(options(here));
      expect([policy, await ask("GET", "text:150"), result?.tally.changes.restore]).toEqual([policy, after, policy === "own" ? 1 : 0]);
      await store.command(["FLUSHALL"]);
    }
  });

  it("that changed in its file is updated, and removed with its file", async () => {
    const here = folder(plains(0, 300).join("\n"));
    await seed(options(here));
    here.write({ "a.jsonl": plains(0, 300).with(7, plain(7, "new")).join("\n") });
    expect(await seed(options(here))).toMatchObject([{ tally: { changes: { update: 1, write: 0 } } }]);
    here.write({ "a.jsonl": plains(0, 100).join("\n") });
    expect(await seed(options(here))).toMatchObject([{ tally: { changes: { remove: 200 } } }]);
    expect(Object.keys(await store.dump(1))).toHaveLength(100);
  });

  it("with a key twice is refused by both places, however far apart", async () => {
    const { message } = await failure(seed(options(folder([...plains(0, 3000), plain(3)].join("\n")))));
    expect(message).toMatch(/a\.jsonl:3001: text:3 is declared twice, first in .*a\.jsonl:4\./);
    expect(await ask("DBSIZE")).toBe(0);
  });
});
