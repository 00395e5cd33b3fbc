/** Guarded seeding writes runs of plain strings as bytes. The result must equal that of seeding entry by entry. */
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
/** The same entry, not in plain form. */
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
    ["a carriage return at the end of lines", `${plains(0, 250).join("\r\n")}\r\n`],
    ["no line feed at the end of the last line", plains(0, 250).join("\n")],
    [
      "blank lines between them",
      plains(0, 400)
        .join("\n")
        .replace(/(text:(?:120|121|390)",[^\n]*\n)/g, "$1\n \n"),
    ],
    ["non-ASCII values", Array.from({ length: 250 }, (_, n) => plain(n, `ünd 日本 🎈 ${n}`)).join("\n")],
    [
      "an escape, a number, a hash among them",
      plains(0, 400)
        .with(130, plain(130, 'a "b"\n'))
        .with(131, '{"key":"text:131","string":7}')
        .with(250, '{"key":"map:1","hash":{"a":"b"}}')
        .join("\n"),
    ],
    ["a non-ASCII key among them", plains(0, 300).with(150, '{"key":"text:ü","string":"a"}').join("\n")],
    ["empty and long values", Array.from({ length: 250 }, (_, n) => plain(n, n % 2 ? "" : "long ".repeat(2000))).join("\n")],
    ["more than one block of the file", plains(0, 9000).join("\n")],
  ])("with %s results in the same keys and ledger as entry by entry", async (_, lines) => {
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

  it("stops at a key of another type, names it, and writes nothing", async () => {
    await ask("RPUSH", "text:150", "theirs");
    const { code, message } = await failure(seed(options(folder(plains(0, 300).join("\n")))));
    expect([code, message]).toEqual(["wrong-type", expect.stringContaining("text:150 is a list, but is declared as a string")]);
    expect(await ask("DBSIZE")).toBe(1);
  });

  it("keeps a key that existed before and writes the others", async () => {
    await ask("SET", "text:150", "theirs");
    const [result] = await seed(options(folder(plains(0, 300).join("\n"))));
    expect(result?.tally).toMatchObject({ changes: { write: 299 }, keptKeys: [{ key: "text:150", why: "existed before the first run" }] });
    expect(await ask("MGET", "text:149", "text:150")).toEqual(["value 149", "theirs"]);
  });

  it("keeps keys that another client writes between comparison and write", async () => {
    const theirs: Promise<unknown>[] = [];
    const onProgress = (event: Progress) => {
      if (event.kind === "keys" && event.phase === "compare" && theirs.length === 0)
        theirs.push(ask("SET", "text:150", "theirs"), ask("SET", "text:250", "value 250"), ask("RPUSH", "map:9", "theirs"));
    };
    const here = folder(plains(0, 300).join("\n"));
    // The run waits for this lock before it writes, so the other client's writes come first.
    await ask("SET", "slipway:{shop/things}:lock", "unlisted other", "PX", "500");
    const [result] = await seed(options(here, onProgress));
    await Promise.all(theirs);
    expect(theirs).toHaveLength(3);
    expect(result?.tally).toMatchObject({
      kept: 1,
      keptKeys: [{ key: "text:150", why: "existed before the first run" }],
      changes: { write: 298 },
    });
    expect(await ask("MGET", "text:150", "text:250", "text:299")).toEqual(["theirs", "value 250", "value 299"]);
  });

  it("restores a changed key under policy own, and keeps it under ensure and once", async () => {
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

  it("updates changed lines and removes deleted ones", async () => {
    const here = folder(plains(0, 300).join("\n"));
    await seed(options(here));
    here.write({ "a.jsonl": plains(0, 300).with(7, plain(7, "new")).join("\n") });
    expect(await seed(options(here))).toMatchObject([{ tally: { changes: { update: 1, write: 0 } } }]);
    here.write({ "a.jsonl": plains(0, 100).join("\n") });
    expect(await seed(options(here))).toMatchObject([{ tally: { changes: { remove: 200 } } }]);
    expect(Object.keys(await store.dump(1))).toHaveLength(100);
  });

  it("refuses a duplicate key with both locations", async () => {
    const { message } = await failure(seed(options(folder([...plains(0, 3000), plain(3)].join("\n")))));
    expect(message).toMatch(/a\.jsonl:3001: text:3 is declared twice, first in .*a\.jsonl:4\./);
    expect(await ask("DBSIZE")).toBe(0);
  });
});
