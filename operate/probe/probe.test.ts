import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Probed, removeRows, startProbe } from "./probe.ts";
import { type NotesApp, startNotesApp, TOKEN, TRAFFIC } from "./testing/app.ts";

describe("a probe", () => {
  let app: NotesApp;
  beforeEach(async () => {
    app = await startNotesApp();
  });
  afterEach(() => app.close());

  const start = (more: Partial<Parameters<typeof startProbe>[0]> = {}) =>
    startProbe({ url: app.url, traffic: TRAFFIC, token: TOKEN, clients: 2, rowsEach: 3, everyMs: 0, ...more });
  /** Until so many writes are acknowledged. @param meanwhile Is done after half of them. */
  async function probe(writes: number, meanwhile = () => {}): Promise<Probed> {
    const running = start();
    while (running.acknowledged() < writes / 2) await sleep(5);
    meanwhile();
    while (running.acknowledged() < writes) await sleep(5);
    return await running.stop();
  }

  it("reads back what it writes, has a timeline of all requests, and leaves no row", async () => {
    const created: string[] = [];
    const running = start({ onCreated: (id) => created.push(id) });
    while (running.acknowledged() < 200) await sleep(5);
    expect(app.notes.size).toBe(6);
    expect(created.sort()).toEqual([...app.notes.keys()].sort());
    const probed = await running.stop();
    expect(probed).toMatchObject({ failed: 0, failures: {}, stale: [], lost: [], left: [] });
    expect(probed.acknowledged).toBeGreaterThanOrEqual(200);
    // The last reading of the rows is no part of the recording.
    expect(probed.seconds.reduce((sum, { reads, writes }) => sum + reads + writes, 0)).toBe(probed.requests);
    expect(probed.seconds.reduce((sum, { writes }) => sum + writes, 0)).toBe(probed.acknowledged);
    expect(probed.readBack).toBe(probed.requests - probed.acknowledged + 6);
    expect(app.notes.size).toBe(0);
  });

  it("finds a row that is gone, at once and in the end", async () => {
    const { lost, stale, failed } = await probe(100, () => app.notes.delete([...app.notes.keys()][0]!));
    expect(failed).toBeGreaterThan(0);
    expect(stale.length + lost.length).toBeGreaterThan(0);
    expect(lost[0]).toMatchObject({ found: "a 404" });
  });

  it("finds a write that was acknowledged and not done", async () => {
    let skipped = 0;
    app.mistake = (method) => (method === "PATCH" && skipped++ === 50 ? 200 : undefined);
    const { stale, failed, lost } = await probe(200);
    expect(failed).toBe(0);
    expect(stale.length).toBeGreaterThan(0);
    expect(stale[0]!.found).toMatch(/^write \d+\.\d+ instead of write \d+\.\d+$/);
    // Later writes of the row were done.
    expect(lost).toEqual([]);
  });

  it("finds the last write of a row that was reverted afterwards, by the reading in the end", async () => {
    const running = start();
    while (running.acknowledged() < 100) await sleep(5);
    const stopped = running.stop();
    // The clients end, and before the last reading a backup of an hour ago is restored.
    app.mistake = (method, note) => {
      if (method === "GET" && note !== undefined) note.text = "an hour ago";
      return undefined;
    };
    const { lost } = await stopped;
    expect(lost).toHaveLength(6);
    expect(lost[0]!.found).toMatch(/^no write of this probe instead of write/);
  });

  it("does not call a write lost that was not acknowledged, whether it was done or not", async () => {
    let turn = 0;
    app.mistake = (method, note, { text }) => {
      if (method !== "PATCH" || turn++ % 5 !== 0) return undefined;
      if (turn % 2 === 0 && note !== undefined) note.text = text!;
      return turn % 3 === 0 ? "drop" : 500;
    };
    const { failed, failures, stale, lost } = await probe(200);
    expect(failed).toBeGreaterThan(10);
    expect(Object.keys(failures).sort()).toEqual(["socket hang up", "status 500"]);
    expect({ stale, lost }).toEqual({ stale: [], lost: [] });
  });

  it("counts failures by their text and measures the longest time without a success", async () => {
    const running = start();
    while (running.acknowledged() < 50) await sleep(5);
    app.mistake = () => 503;
    await sleep(400);
    app.mistake = () => undefined;
    const resumed = running.acknowledged();
    while (running.acknowledged() < resumed + 50) await sleep(5);
    const { failed, failures, longestGapMs, lost, seconds } = await running.stop();
    expect(failures).toEqual({ "status 503": failed });
    expect(seconds.reduce((sum, one) => sum + one.failed, 0)).toBe(failed);
    expect(longestGapMs).toBeGreaterThanOrEqual(400);
    expect(lost).toEqual([]);
  });

  it("counts a gap that has not ended", async () => {
    const running = start();
    while (running.acknowledged() < 20) await sleep(5);
    app.mistake = () => 503;
    await sleep(300);
    const stopped = running.stop();
    await sleep(100);
    app.mistake = () => undefined;
    const { longestGapMs } = await stopped;
    expect(longestGapMs).toBeGreaterThanOrEqual(300);
  });

  it("reports the rows that it could not remove, which can be removed later", async () => {
    app.mistake = (method) => (method === "DELETE" ? 500 : undefined);
    const { left } = await probe(20);
    expect([...left].sort()).toEqual([...app.notes.keys()].sort());
    app.mistake = () => undefined;
    // One is gone already.
    app.notes.delete(left[0]!);
    expect(await removeRows({ url: app.url, traffic: TRAFFIC, token: TOKEN }, left)).toEqual([]);
    expect(app.notes.size).toBe(0);
  });

  it("sends no more requests than its pace allows", async () => {
    const running = start({ everyMs: 100 });
    const begin = performance.now();
    await sleep(1000);
    const { requests } = await running.stop();
    const steps = 2 * Math.ceil((performance.now() - begin) / 100 + 1);
    expect(requests).toBeGreaterThan(2);
    expect(requests).toBeLessThanOrEqual(3 * steps);
  });
});
