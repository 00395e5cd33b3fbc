import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "./store.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway store "));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const journal = () => join(directory, readdirSync(directory).find((name) => name.startsWith("journal"))!);

describe("the store", () => {
  it("has the same records in the same order after a restart", async () => {
    const before = await openStore(directory);
    const fruit = before.collection<{ colour: string }>("fruit");
    fruit.put("plum", { colour: "blue" });
    fruit.put("pear", { colour: "green" });
    fruit.put("fig", { colour: "brown" });
    fruit.put("plum", { colour: "yellow" });
    fruit.delete("fig");
    await before.close();

    const after = await openStore(directory);
    expect(after.collection("fruit").all()).toEqual([{ colour: "yellow" }, { colour: "green" }]);
    expect(after.collection("fruit").get("fig")).toBeUndefined();
    await after.close();
  });

  it("writes changes of one event loop turn as one line", async () => {
    const store = await openStore(directory);
    store.collection("a").put("1", "one");
    store.collection("b").put("2", "two");
    await store.saved();
    expect(readFileSync(journal(), "utf8").trimEnd().split("\n")).toHaveLength(1);
    await store.close();
  });

  it("truncates an incomplete last line and continues", async () => {
    const store = await openStore(directory);
    store.collection("a").put("1", "one");
    await store.close();
    appendFileSync(journal(), '[{"kind":"a","id":"2","val');

    const after = await openStore(directory);
    expect(after.collection("a").all()).toEqual(["one"]);
    after.collection("a").put("3", "three");
    await after.close();
    const again = await openStore(directory);
    expect(again.collection("a").all()).toEqual(["one", "three"]);
    await again.close();
  });

  it("rejects a journal with a damaged line before its end", async () => {
    const store = await openStore(directory);
    for (const id of ["1", "2", "3"]) {
      store.collection("a").put(id, id);
      await store.saved();
    }
    await store.close();
    const lines = readFileSync(journal(), "utf8").split("\n");
    writeFileSync(journal(), [lines[0], "#", ...lines.slice(2)].join("\n"));
    await expect(openStore(directory)).rejects.toThrow(/journal-0\.jsonl is damaged at byte \d+: .*Restore the file/);
  });

  it("compacts a long journal into a snapshot without losing records", async () => {
    const store = await openStore(directory);
    const text = "x".repeat(100_000);
    for (let round = 0; round < 100; round++) {
      store.collection("big").put(String(round % 3), { round, text });
      await store.saved();
    }
    expect(statSync(journal()).size).toBeLessThan(8 * 1024 * 1024);
    expect(readdirSync(directory).sort()).toEqual(["journal-1.jsonl", "lock", "snapshot-1.json"]);
    await store.close();
    const after = await openStore(directory);
    const rounds = after
      .collection<{ round: number }>("big")
      .all()
      .map(({ round }) => round);
    expect(rounds).toEqual([99, 97, 98]);
    await after.close();
  });

  it("rejects every saved() after a failed write", async () => {
    const store = await openStore(directory);
    const unwritable: { self?: unknown } = {};
    unwritable.self = unwritable;
    store.collection("a").put("1", unwritable);
    await expect(store.saved()).rejects.toThrow(/cannot write its state/);
    await expect(store.saved()).rejects.toThrow(/cannot write its state/);
  });

  it("resolves saved() under a constant load of later changes", async () => {
    const store = await openStore(directory);
    let writing = true;
    const others = (async () => {
      for (let round = 0; writing; round++) {
        store.collection("a").put("others", round);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    store.collection("a").put("mine", 1);
    await store.saved();
    expect(readFileSync(journal(), "utf8")).toContain('"mine"');
    writing = false;
    await others;
    await store.close();
  });

  it("creates its files for the owner only", async () => {
    const store = await openStore(join(directory, "state"));
    store.collection("a").put("1", "secret");
    await store.saved();
    const mode = (path: string) => statSync(join(directory, path)).mode & 0o777;
    expect([mode("state"), mode("state/journal-0.jsonl"), mode("state/lock")]).toEqual([0o700, 0o600, 0o600]);
    await store.close();
  });
});

describe("the lock", () => {
  it("rejects a second open of a directory, with the process that holds it", async () => {
    const store = await openStore(directory);
    await expect(openStore(directory)).rejects.toThrow(`${directory} is already open in this process`);
    writeFileSync(join(directory, "lock"), `${process.ppid} ${startOf(process.ppid)}`);
    await expect(openStore(directory)).rejects.toThrow(`is in use by process ${process.ppid}. Stop it first`);
    await store.close();
  });

  it("is taken over from a process that has ended, even if its pid was reused", async () => {
    writeFileSync(join(directory, "lock"), "2147483646 1");
    await (await openStore(directory)).close();
    writeFileSync(join(directory, "lock"), `${process.ppid} 1`);
    await (await openStore(directory)).close();
    expect(readdirSync(directory)).not.toContain("lock");
  });
});

/** The start time as the lock writes it; empty on systems without /proc. */
function startOf(pid: number): string {
  if (!existsSync(`/proc/${pid}/stat`)) return "";
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19]!;
}
