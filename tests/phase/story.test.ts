/**
 * A product leaves its JSON files, and returns to them, on the local platform: real servers, a service of its own that follows the flags, and clients that
 * write and read all the time. `npm run soak -- story` does it with 1,000,000 acknowledged writes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { readJsonLines } from "../../operate/json-lines.ts";
import type { PhaseStatus } from "../../operate/phase/change.ts";
import type { PhaseEntry } from "../../operate/phase/journal.ts";
import { type Probed, type RunningProbe, startProbe } from "../../operate/probe/probe.ts";
import { findTarget } from "../../operate/probe/target.ts";
import { openApi } from "../../operate/recover/api.ts";
import { PHASES, type Phase } from "../../settings/settings.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { createProject, type TestProject } from "../local-project.ts";
import { openStores, type Stores } from "./stores.ts";

const WRITES = Number(process.env.SLIPWAY_WRITES ?? 800);
const CLIENTS = Number(process.env.SLIPWAY_CLIENTS ?? 4);
const KILLS = Number(process.env.SLIPWAY_KILLS ?? 2);

const REFERENCE = fileURLToPath(new URL("../../local/apps/reference/main.ts", import.meta.url));
const SUBJECT = ["--stack", "local", "--system", "fluxstudio"];
const FLAGS = ["USE_POSTGRES", "USE_DATABASE", "DUAL_WRITE_ENABLED"];

type Row = { readonly id: string };

/** The API encrypts a secret again with each update of the app. */
const isEncrypted = (value: string): boolean => value.startsWith("EV[");

const LONG_MS = 4 * 3_600_000;

describe("a product that leaves its JSON files", () => {
  let project: TestProject;
  let stores: Stores;
  let url: string;
  beforeEach(async () => {
    project = createProject();
    writeSetting("P0");
    const { code, output } = await project.slipway(
      "local",
      "up",
      "--systems",
      "fluxstudio",
      "--program",
      `fluxstudio-local/api=${REFERENCE}`,
    );
    expect(code, output).toBe(0);
    stores = await openStores(project);
    url = await project.appUrl("fluxstudio-local");
  }, 240_000);
  afterEach(async () => {
    await stores?.close();
    await project.remove();
  });

  const setting = () => parse(project.stackFile()).config["slipway:fluxstudio"] as { readonly phase: Phase; readonly phaseSince?: string };
  function writeSetting(phase: Phase): void {
    const text = project.stackFile();
    project.writeStackFile(`${text.trimEnd()}\n  slipway:fluxstudio:\n    phase: ${phase}\n`);
    expect(setting()).toEqual({ phase });
  }
  const journal = () => readJsonLines<PhaseEntry>(`${project.root}/.slipway/phase/local-fluxstudio.jsonl`);
  const phase = (command: string, ...more: string[]) => project.slipway("phase", command, ...SUBJECT, ...more);
  async function succeed(command: string, ...more: string[]): Promise<string> {
    const { code, output } = await phase(command, ...more);
    expect(code, output).toBe(0);
    return output;
  }
  async function expectRefusal(command: string, text: string): Promise<void> {
    const { code, output } = await phase(command);
    expect([code, output]).toEqual([1, expect.stringContaining(text)]);
  }
  async function status(): Promise<PhaseStatus> {
    return JSON.parse(await succeed("status", "--json"));
  }
  const deployedApp = async () => {
    const { apps } = await project.api("GET", "/v2/apps");
    return apps.find(({ spec }: { spec: { name: string } }) => spec.name === "fluxstudio-local");
  };
  const deployments = async () =>
    ((await project.api("GET", `/v2/apps/${(await deployedApp()).id}/deployments`)).deployments as object[]).length;
  const environment = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await deployedApp()).spec.services
        .find(({ name }: { name: string }) => name === "api")
        .envs.map(({ key, value }: { key: string; value?: string }) => [key, value === undefined || isEncrypted(value) ? "" : value]),
    );
  /** The running app is asked, and its variables are read from the account. */
  async function expectPhase(expected: Phase): Promise<void> {
    const { usePostgres, dualWrite } = PHASES[expected];
    expect(await (await fetch(`${url}/api/health`)).json()).toMatchObject({ status: "ok", phase: { usePostgres, dualWrite } });
    const env = await environment();
    expect(FLAGS.map((name) => env[name])).toEqual([usePostgres, usePostgres, dualWrite].map(String));
    expect(setting()).toEqual({ phase: expected, phaseSince: expect.any(String) });
    expect(await status()).toMatchObject({ phase: expected, running: [{ service: "fluxstudio-local/api", phase: expected }] });
  }

  async function probe(): Promise<RunningProbe> {
    const api = openApi({ endpoint: findDaemon(workspaceAt(project.root))!.api, token: API_TOKEN });
    const { url, traffic } = (await findTarget(api, fluxstudio, "-local"))!;
    return startProbe({ url: url!, traffic, token: "reference", clients: CLIENTS, rowsEach: 6, everyMs: 10 });
  }
  /** Several writes of each client in the present phase, or more. */
  async function write(running: RunningProbe, share: number): Promise<void> {
    for (const start = running.acknowledged(); running.acknowledged() - start < WRITES * share; ) await sleep(20);
  }
  const send = async (method: string, path: string, body?: object): Promise<{ readonly status: number; readonly row: Row }> => {
    const headers = { authorization: "Bearer reference", "content-type": "application/json" };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, row: text === "" ? undefined : JSON.parse(text) };
  };
  async function createRow(name: string): Promise<Row> {
    const { status, row } = await send("POST", "/api/projects", { name, description: "" });
    expect(status).toBe(201);
    return row;
  }
  const readRow = (id: string) => send("GET", `/api/projects/${id}`);
  const removeRow = async (id: string) => expect((await send("DELETE", `/api/projects/${id}`)).status).toBe(204);
  async function validate(times: number): Promise<void> {
    for (let time = 0; time < times; time++) expect(await stores.validate()).toEqual([]);
  }
  function expectNothingLost(probed: Probed): void {
    const { requests, acknowledged, readBack, failed, failures, longestGapMs, slowestMs, stale, lost, left } = probed;
    console.log(
      `${requests} requests, ${acknowledged} acknowledged writes, ${readBack} read back, ${failed} failed, longest gap ${longestGapMs} ms, slowest ${slowestMs} ms, ${stale.length} stale, ${lost.length} lost`,
    );
    expect({ failures, stale, lost, left }).toEqual({ failures: {}, stale: [], lost: [], left: [] });
  }

  it(
    "writes and reads in every phase, in both directions, with one command each, and loses no acknowledged write",
    async () => {
      const running = await probe();
      const seconds: string[] = [];
      const change = async (command: "next" | "back", to: Phase, ...more: string[]) => {
        const start = performance.now();
        await succeed(command, ...more);
        seconds.push(`${command} to ${to} ${((performance.now() - start) / 1000).toFixed(1)} s`);
        await expectPhase(to);
      };
      const force = (reason: string, ...gates: readonly string[]) => [...gates.flatMap((gate) => ["--force", gate]), "--reason", reason];

      await write(running, 0.1);
      const oldest = await createRow("of P0");
      await change("next", "P1");
      await expectRefusal("next", "validations: 0 of 3 validations without a difference");
      await write(running, 0.1);
      const imported = await stores.importFiles();
      await validate(3);
      for (const command of ["create", "rehearse"]) {
        const { code, output } = await project.slipway("backup", command, "--system", "fluxstudio");
        expect(code, output).toBe(0);
      }
      await change("next", "P2");
      await write(running, 0.1);

      // The quick rollback, and forward again.
      const before = { environment: await environment(), deployments: await deployments() };
      await change("back", "P1");
      const after = await environment();
      expect(Object.keys(after).filter((name) => after[name] !== before.environment[name])).toEqual(["USE_DATABASE", "USE_POSTGRES"]);
      expect((await deployments()) - before.deployments).toBe(1);
      await write(running, 0.1);
      await validate(3);
      await change("next", "P2", ...force("it was restored an hour ago", "backup"));
      await write(running, 0.1);

      await validate(3);
      expect(await stores.exportFiles()).toBe(0);
      await expectRefusal("next", "archive: the JSON files were not archived");
      expect(await succeed("archive", "--from", stores.folder)).toContain("Archived 1 file");
      await expectRefusal("next", "observation: no round of slipway watch since");
      await change("next", "P3", ...force("a day is too long for a test", "backup", "observation"));
      await write(running, 0.2);
      // The files do not get the one, and keep the other.
      const late = await createRow("of P3");
      await removeRow(oldest.id);

      // The full rollback.
      await change("back", "P2");
      await write(running, 0.1);
      await expectRefusal("back", "is older than the last write");
      expect(await stores.validate()).toEqual(expect.arrayContaining([late.id, oldest.id]));
      const exported = await stores.exportFiles();
      expect(exported).toBeGreaterThanOrEqual(2);
      await validate(1);
      await change("back", "P1");
      await write(running, 0.1);
      await change("back", "P0");
      await write(running, 0.1);
      expect(await readRow(late.id)).toEqual({ status: 200, row: late });
      expect(await readRow(oldest.id)).toMatchObject({ status: 404 });

      const probed = await running.stop();
      console.log(`${seconds.join(", ")}; ${imported} rows imported, ${exported} exported`);
      expectNothingLost(probed);
      expect(probed.acknowledged).toBeGreaterThanOrEqual(WRITES);
      const forced = (await status()).history.flatMap((entry) => (entry.kind === "began" && entry.forced ? [entry] : []));
      expect(forced.map(({ to, forced: gates, reason }) => [to, gates, reason])).toEqual([
        ["P2", ["backup"], "it was restored an hour ago"],
        ["P3", ["backup", "observation"], "a day is too long for a test"],
      ]);
    },
    LONG_MS,
  );

  it(
    "ends in the phase that a killed change began, without a failed request",
    async () => {
      const running = await probe();
      const outcome = async () => ({
        setting: setting().phase,
        unfinished: (await status()).unfinished,
        environment: await environment(),
        last: journal().at(-1)!.kind,
      });
      const expected = new Map<Phase, unknown>();
      for (const [command, to] of [
        ["next", "P1"],
        ["back", "P0"],
      ] as const) {
        await succeed(command, "--to", to);
        expected.set(to, await outcome());
      }
      let killed = 0;
      for (let turn = 0; killed < KILLS; turn++) {
        const [command, to] = turn % 2 === 0 ? (["next", "P1"] as const) : (["back", "P0"] as const);
        const { process: changing, ended } = project.start("phase", command, ...SUBJECT, "--to", to);
        await Promise.race([sleep(200 + Math.random() * 3000), ended]);
        changing.kill("SIGKILL");
        if ((await ended).signal === "SIGKILL") killed++;
        await succeed(command, "--to", to);
        expect(await outcome()).toEqual(expected.get(to));
        await expectPhase(to);
      }
      expectNothingLost(await running.stop());
    },
    LONG_MS,
  );
});
