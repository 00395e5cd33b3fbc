import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { Secret } from "./plan.ts";
import { type Toy, toyProvider, toyState } from "./realize.testing.ts";
import { type RealizeEvent, realize } from "./realize.ts";
import { stateFile } from "./state.ts";

class Box extends pulumi.CustomResource {
  declare readonly label: pulumi.Output<string>;
  declare readonly name: pulumi.Output<string>;
  constructor(name: string, inputs: Record<string, unknown> = {}, opts: pulumi.CustomResourceOptions & { unique?: boolean } = {}) {
    const { unique, ...rest } = opts;
    super(unique ? "toy:index:Unique" : "toy:index:Box", name, { name, label: undefined, ...inputs }, rest);
  }
}

let toy: Toy;
let state: ReturnType<typeof toyState>;
beforeEach(() => {
  toy = toyProvider();
  state = toyState();
});

const run = (program: () => unknown, more: { onEvent?: (event: RealizeEvent) => void; signal?: AbortSignal; directory?: string } = {}) =>
  realize(async () => program(), { project: "toys", stack: "test", state, provider: toy.provider, ...more });
const names = () => [...toy.things.values()].map(({ name }) => name).sort();
const begin = () => toy.done.splice(0);

describe("a run", () => {
  it("creates new resources in dependency order, and passes their outputs on", async () => {
    const { counts, outputs } = await run(() => {
      const a = new Box("a");
      const b = new Box("b", { sibling: a.label });
      return { b: b.id, sibling: a.label };
    });
    expect(toy.done).toEqual(["create a", "create b"]);
    expect(toy.things.get("id-2")).toMatchObject({ sibling: "a of id-1" });
    expect(counts).toMatchObject({ create: 2, same: 0 });
    expect(outputs).toEqual({ b: "id-2", sibling: "a of id-1" });
  });

  it("does nothing the second time, and counts the resources as unchanged", async () => {
    const program = () => void new Box("b", { sibling: new Box("a").label });
    await run(program);
    begin();
    const { counts } = await run(program);
    expect(toy.done).toEqual([]);
    expect(counts).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: 2 });
  });

  it("updates in place, and reports the changed input", async () => {
    await run(() => void new Box("a", { size: 1 }));
    begin();
    const events: RealizeEvent[] = [];
    const { counts } = await run(() => void new Box("a", { size: 2 }), { onEvent: (event) => events.push(event) });
    expect(toy.done).toEqual(["update a"]);
    expect(counts.update).toBe(1);
    expect(events.at(-1)).toMatchObject({ change: "update", phase: "done", name: "a", changedInputs: ["size"] });
  });

  it("replaces for other inputs: creates the new one, updates dependents, deletes the old one", async () => {
    const program = (kind: string) => () => void new Box("b", { sibling: new Box("a", { kind }).id });
    await run(program("round"));
    begin();
    const { counts } = await run(program("square"));
    expect(toy.done).toEqual(["create a", "update b", "delete a"]);
    expect(counts).toMatchObject({ replace: 1, update: 1, delete: 1 });
    expect(names()).toEqual(["a", "b"]);
  });

  it("deletes before replacing when the type or the program requires it", async () => {
    await run(() => {
      new Box("u", { kind: "round" }, { unique: true });
      new Box("d", { kind: "round" }, { deleteBeforeReplace: true });
    });
    begin();
    await run(() => {
      new Box("u", { kind: "square" }, { unique: true });
      new Box("d", { kind: "square" }, { deleteBeforeReplace: true });
    });
    expect(toy.done.indexOf("delete u")).toBeLessThan(toy.done.indexOf("create u"));
    expect(toy.done.indexOf("delete d")).toBeLessThan(toy.done.indexOf("create d"));
  });

  it("deletes undeclared resources, dependents first", async () => {
    await run(() => {
      const a = new Box("a");
      const b = new Box("b", { sibling: a.label });
      new Box("c", {}, { dependsOn: [b] });
    });
    begin();
    const { counts } = await run(() => {});
    expect(toy.done).toEqual(["delete c", "delete b", "delete a"]);
    expect(counts.delete).toBe(3);
    expect(state.now().resources).toEqual([]);
  });

  it("calls provider functions, and lists the supported ones for an unknown function", async () => {
    const { outputs } = await run(() => ({
      kilos: pulumi.runtime.invokeOutput<{ kilos: number }>("toy:index:weigh", { grams: 1500 }).apply(({ kilos }) => kilos),
    }));
    expect(outputs).toEqual({ kilos: 1.5 });
    await expect(run(() => ({ x: pulumi.runtime.invokeOutput<object>("toy:index:sing", {}) }))).rejects.toThrow(
      "toy:index:sing is not supported here. Supported: toy:index:weigh.",
    );
  });

  it("creates a resource again that was deleted outside of slipway", async () => {
    const program = () => void new Box("a");
    await run(program);
    toy.things.clear();
    expect((await run(program)).counts).toMatchObject({ create: 1, same: 0 });
    expect(names()).toEqual(["a"]);
  });
});

describe("options", () => {
  it("protect: keeps a resource that is no longer declared, and deletes nothing else", async () => {
    await run(() => {
      new Box("kept", {}, { protect: true });
      new Box("other");
    });
    begin();
    await expect(run(() => {})).rejects.toThrow(/"kept" is protected and no longer declared, so nothing was deleted/);
    expect(toy.done).toEqual([]);
    expect(names()).toEqual(["kept", "other"]);
  });

  it("protect: rejects a replacement and names the input that requires it", async () => {
    await run(() => void new Box("kept", { kind: "round" }, { protect: true }));
    begin();
    await expect(run(() => void new Box("kept", { kind: "square" }, { protect: true }))).rejects.toThrow(
      /Box "kept": it is protected, and a change of kind would replace it/,
    );
    expect(toy.done).toEqual([]);
  });

  it("retainOnDelete: removes the resource from the state without deleting it", async () => {
    await run(() => void new Box("a", {}, { retainOnDelete: true }));
    begin();
    await run(() => {});
    expect(toy.done).toEqual([]);
    expect(names()).toEqual(["a"]);
    expect(state.now().resources).toEqual([]);
  });

  it("deletedWith: leaves the deletion to the other resource", async () => {
    await run(() => {
      const holder = new Box("holder");
      new Box("held", { in: holder.id }, { deletedWith: holder });
    });
    begin();
    await run(() => {});
    expect(toy.done).toEqual(["delete holder"]);
  });

  it("ignoreChanges: keeps the old value at the path, and sends the rest", async () => {
    const program = (inner: object, size: number) => () => void new Box("a", { inner, size }, { ignoreChanges: ["inner.list[1].x"] });
    await run(program({ list: [{ x: 1 }, { x: 1 }] }, 1));
    begin();
    expect((await run(program({ list: [{ x: 1 }, { x: 2 }] }, 1))).counts.same).toBe(1);
    await run(program({ list: [{ x: 1 }, { x: 3 }] }, 2));
    expect(toy.things.get("id-1")).toMatchObject({ inner: { list: [{ x: 1 }, { x: 1 }] }, size: 2 });
  });

  it("replaceOnChanges: replaces for an input that the type updates in place", async () => {
    const program = (size: number) => () => void new Box("a", { size }, { replaceOnChanges: ["size"] });
    await run(program(1));
    expect((await run(program(2))).counts).toMatchObject({ replace: 1 });
  });

  it("aliases: keep a resource that had another name", async () => {
    await run(() => void new Box("old", { name: "x" }));
    begin();
    const { counts } = await run(() => void new Box("new", { name: "x" }, { aliases: [{ name: "old" }] }));
    expect(toy.done).toEqual([]);
    expect(counts).toMatchObject({ same: 1, delete: 0 });
  });

  it("import: adopts an existing resource and updates it to the declared inputs", async () => {
    toy.things.set("id-9", { name: "a", size: 1 });
    const { counts } = await run(() => void new Box("a", { size: 2 }, { import: "id-9" }));
    expect(toy.done).toEqual(["update a"]);
    expect(counts.create).toBe(1);
    expect(toy.things.get("id-9")).toMatchObject({ size: 2 });
  });
});

describe("what exists under a declared name, but not in the state", () => {
  it("is adopted and updated to the declared inputs", async () => {
    toy.things.set("id-9", { name: "a", size: 1 });
    await run(() => void new Box("a", { name: "a", size: 2 }));
    expect(toy.done).toEqual(["update a"]);
    expect([...toy.things]).toEqual([["id-9", expect.objectContaining({ size: 2 })]]);
  });

  it("is not adopted a second time in the same run", async () => {
    await run(() => {
      const first = new Box("first", { name: "a" });
      new Box("second", { name: "a" }, { dependsOn: first });
    });
    expect(toy.done).toEqual(["create a", "create a"]);
  });
});

describe("a failed run", () => {
  const three = () => {
    const a = new Box("a");
    const b = new Box("b", { sibling: a.label });
    new Box("c", { sibling: b.label });
  };

  it("reports the resource with the provider's message, keeps what it created, and continues in the next run", async () => {
    toy.failAt("create b");
    await expect(run(three)).rejects.toThrow('Box "b": create b was refused');
    expect(names()).toEqual(["a"]);
    begin();
    const { counts } = await run(three);
    expect(toy.done).toEqual(["create b", "create c"]);
    expect(counts).toMatchObject({ create: 2, same: 1 });
  });

  it("deletes nothing", async () => {
    await run(three);
    begin();
    toy.failAt("create d");
    await expect(run(() => void new Box("d"))).rejects.toThrow("create d was refused");
    expect(names()).toEqual(["a", "b", "c"]);
  });

  it("finds a resource by name that was created but not recorded", async () => {
    toy.failAt("create b", "after");
    await expect(run(three)).rejects.toThrow("the line broke");
    begin();
    await run(three);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(toy.done).toEqual(["update b", "create c"]);
  });

  it("repeats an update that started but was not recorded", async () => {
    await run(() => void new Box("a", { size: 1 }));
    toy.failAt("update a", "after");
    await expect(run(() => void new Box("a", { size: 2 }))).rejects.toThrow("the line broke");
    begin();
    await run(() => void new Box("a", { size: 2 }));
    expect(toy.done).toEqual(["update a"]);
    expect((await run(() => void new Box("a", { size: 2 }))).counts.same).toBe(1);
  });

  it("continues after a kill at any point, without duplicates or losses", async () => {
    // Two writes for each of the three resources: started, and created.
    for (let saves = 0; saves < 6; saves++) {
      toy = toyProvider();
      state = toyState();
      state.killAfter(saves);
      await expect(run(three)).rejects.toThrow("killed");
      state.killAfter(Number.POSITIVE_INFINITY);
      await run(three);
      expect([saves, ...names()]).toEqual([saves, "a", "b", "c"]);
      expect((await run(three)).counts).toMatchObject({ same: 3, create: 0 });
    }
  });

  it("finishes operations in progress when aborted, and starts no new ones", async () => {
    const stop = new AbortController();
    const stopping = run(three, { signal: stop.signal, onEvent: ({ name, phase }) => name === "a" && phase === "done" && stop.abort() });
    await expect(stopping).rejects.toThrow("stopped on request");
    expect(names()).toEqual(["a"]);
    expect((await run(three)).counts).toMatchObject({ create: 2, same: 1 });
  });

  it("lists the supported types for an unknown one", async () => {
    class Car extends pulumi.CustomResource {}
    await expect(run(() => void new Car("toy:index:Car", "a", {}))).rejects.toThrow(
      'toy:index:Car "a": toy:index:Car is not supported here. Supported: toy:index:Box, toy:index:Unique.'.replace(
        'toy:index:Car "a"',
        'Car "a"',
      ),
    );
  });
});

describe("a stack", () => {
  it("reads its own last outputs, with secrets, and none on the first run", async () => {
    const program = async () => {
      const self = new pulumi.StackReference("self", { name: "organization/toys/test" });
      const { value, secretValue } = await self.getOutputDetails("count");
      return { count: pulumi.secret(Number(secretValue ?? value ?? 0) + 1) };
    };
    expect((await run(program)).outputs).toEqual({ count: new Secret(1) });
    expect((await run(program)).outputs).toEqual({ count: new Secret(2) });
  });

  it("keeps its outputs when a run fails", async () => {
    await run(() => ({ color: "red" }));
    toy.failAt("create a");
    await expect(run(() => ({ color: new Box("a").label }))).rejects.toThrow();
    expect(state.now().outputs).toEqual({ color: "red" });
  });

  it("keeps its state in a file that only its owner can read, complete after every change", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "slipway state "));
    const file = path.join(folder, "stack.json");
    try {
      await realize(async () => void new Box("a", { word: pulumi.secret("s3cret") }), {
        ...{ project: "toys", stack: "test", provider: toy.provider },
        state: stateFile(file),
      });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(stateFile(file).load().resources).toMatchObject([{ id: "id-1", inputs: { word: "s3cret" } }]);
      writeFileSync(file, readFileSync(file, "utf8").slice(0, 40));
      expect(() => stateFile(file).load()).toThrow(/stack\.json cannot be read: .*Restore it, or delete it and start again\./);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a dynamic resource", () => {
  const handler = `exports.handler = () => ({
    check: async (olds, news) => ({ inputs: { ...news, checked: (olds.word ?? "none") + "->" + news.word }, failures: news.word === "unfit" ? [{ property: "word", reason: "is bad" }] : [] }),
    diff: async (id, olds, news) => ({ changes: olds.word !== news.word, replaces: news.word === "other" ? ["word"] : [] }),
    create: async (inputs) => { const { basename } = await import("node:path"); return { id: "made", outs: { word: inputs.word, by: basename("/x/create"), checked: inputs.checked } }; },
    update: async (id, olds, news) => ({ outs: { word: news.word, by: "update", was: olds.word, checked: news.checked } }),
    delete: async (id, olds) => { globalThis.deleted = olds.word; },
  });`;
  class Step extends pulumi.CustomResource {
    declare readonly by: pulumi.Output<string>;
    declare readonly checked: pulumi.Output<string>;
    constructor(word: string) {
      super("pulumi-nodejs:dynamic/toy:Step", "step", {
        word: pulumi.secret(word),
        by: undefined,
        checked: undefined,
        __provider: handler,
      });
    }
  }
  const outcomeOf = async (word: string) => {
    const { counts, outputs } = await run(() => {
      const step = new Step(word);
      return { by: step.by, checked: step.checked };
    });
    return { ...outputs, same: counts.same };
  };

  it("runs its own code: check, then create, diff, update and delete, in plain text", async () => {
    expect(await outcomeOf("one")).toMatchObject({ by: "create", checked: "none->one", same: 0 });
    expect(await outcomeOf("one")).toMatchObject({ by: "create", same: 1 });
    expect(await outcomeOf("two")).toMatchObject({ by: "update", checked: "one->two", same: 0 });
    await run(() => {});
    expect((globalThis as { deleted?: string }).deleted).toBe("two");
  });

  it("fails with the message of its check", async () => {
    await expect(outcomeOf("unfit")).rejects.toThrow('Step "step": word: is bad');
  });
});
