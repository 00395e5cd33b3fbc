import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPorts } from "./ports.ts";

/** Not among the ports that servers of other tests try first. */
const HAD = 25_931;

let folder: string;
const listeners: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway ports "));
});
afterEach(async () => {
  for (const listener of listeners.splice(0)) await new Promise((resolve) => listener.close(resolve));
  rmSync(folder, { recursive: true });
});

const remembered = () => JSON.parse(readFileSync(join(folder, "ports.json"), "utf8")) as Record<string, number>;
const remember = (ports: Record<string, number>) => writeFileSync(join(folder, "ports.json"), JSON.stringify(ports));
const listen = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const listener = createServer().once("error", reject);
    listeners.push(listener);
    listener.listen(port, "127.0.0.1", resolve);
  });

describe("ports", () => {
  it("are the same after a restart", async () => {
    remember({ one: HAD });
    expect(await openPorts(folder).take("one")).toEqual({ port: HAD });
    const { port } = await openPorts(folder).take("other");
    expect(remembered()).toEqual({ one: HAD, other: port });
  });

  it("differ for servers that start at the same time", async () => {
    const ports = openPorts(folder);
    const taken = await Promise.all(["a", "b", "c", "d"].map((name) => ports.take(name)));
    expect(new Set(taken.map(({ port }) => port)).size).toBe(4);
  });

  it("are the same if the system releases the port of a killed server only after a moment", async () => {
    remember({ one: HAD });
    await listen(HAD);
    const taken = openPorts(folder).take("one");
    setTimeout(() => listeners.pop()?.close(), 100);
    expect(await taken).toEqual({ port: HAD });
  });

  it("are replaced and reported if another process listens on them", async () => {
    remember({ one: HAD });
    await listen(HAD);
    const { port, insteadOf } = await openPorts(folder).take("one");
    expect(insteadOf).toBe(HAD);
    expect(port).not.toBe(HAD);
    expect(remembered()).toEqual({ one: port });
  });

  it("are not taken from another platform that has claimed them and does not listen yet", async () => {
    const [one, other] = [openPorts(folder), openPorts(mkdtempSync(join(folder, "other ")))];
    const { port } = await one.take("api");
    expect((await other.take("api")).port).not.toBe(port);
    one.release("api");
    other.release("api");
    expect((await other.take("api")).port).toBe(port);
  });

  it("are forgotten once released", () => {
    remember({ one: HAD, other: HAD + 1 });
    openPorts(folder).release("one");
    expect(remembered()).toEqual({ other: HAD + 1 });
  });

  it("are refused with the name of their file if it cannot be read", () => {
    writeFileSync(join(folder, "ports.json"), "{");
    expect(() => openPorts(folder)).toThrow(/ports\.json cannot be read: .*Fix the file, or delete it to start again/);
  });
});
