/**
 * A product leaves its JSON files, and returns to them, on the local platform: real servers, a service of its own that follows the flags, and clients that
 * write and read all the time. `npm run soak -- story` does it with 1,000,000 acknowledged writes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { readJsonLines } from "../../operate/json-lines.ts";
import type { PhaseStatus } from "../../operate/phase/change.ts";
import type { PhaseEntry } from "../../operate/phase/journal.ts";
import { type Probed, type RunningProbe, startProbe } from "../../operate/probe/probe.ts";
import { findTarget } from "../../operate/probe/target.ts";
import { openApi } from "../../operate/recover/api.ts";
import { flagsOf, type Phase } from "../../settings/settings.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { type Deployed, SUBJECT, startDeployed } from "./deployed.ts";

const WRITES = Number(process.env.SLIPWAY_WRITES ?? 800);
const CLIENTS = Number(process.env.SLIPWAY_CLIENTS ?? 4);
const EVERY_MS = Number(process.env.SLIPWAY_EVERY_MS ?? 40);
const KILLS = Number(process.env.SLIPWAY_KILLS ?? 2);

const FLAGS = ["USE_POSTGRES", "USE_DATABASE", "DUAL_WRITE_ENABLED"];

const LONG_MS = 12 * 3_600_000;

describe("a product that leaves its JSON files", () => {
  let app: Deployed;
  beforeEach(async () => {
    app = await startDeployed("P0");
  }, 240_000);
  afterEach(() => app?.remove());

  const journal = () => readJsonLines<PhaseEntry>(`${app.project.root}/.slipway/phase/local-fluxstudio.jsonl`);
  async function expectRefusal(command: string, text: string): Promise<void> {
    const { code, output } = await app.phase(command);
    expect([code, output]).toEqual([1, expect.stringContaining(text)]);
  }
  async function status(): Promise<PhaseStatus> {
    return JSON.parse(await app.succeed("status", "--json"));
  }
  /** The running app is asked, and its variables are read from the account. */
  async function expectPhase(expected: Phase): Promise<void> {
    const { usePostgres, dualWrite } = flagsOf(expected, "local");
    expect(await (await fetch(`${app.url}/api/health`)).json()).toMatchObject({ status: "ok", phase: { usePostgres, dualWrite } });
    const env = await app.environment();
    expect(FLAGS.map((name) => env[name])).toEqual([usePostgres, usePostgres, dualWrite].map(String));
    expect(app.setting()).toEqual({ phase: expected, phaseSince: expect.any(String) });
    expect(await status()).toMatchObject({ phase: expected, running: [{ service: "fluxstudio-local/api", phases: [expected] }] });
  }

  async function probe(): Promise<RunningProbe> {
    const api = openApi({ endpoint: findDaemon(workspaceAt(app.project.root))!.api, token: API_TOKEN });
    const { url, traffic } = (await findTarget(api, fluxstudio, "-local"))!;
    return startProbe({ url: url!, traffic, token: "reference", clients: CLIENTS, rowsEach: 6, everyMs: EVERY_MS });
  }
  /** Several writes of each client in the present phase, or more. */
  async function write(running: RunningProbe, share: number): Promise<void> {
    for (const start = running.acknowledged(); running.acknowledged() - start < WRITES * share; ) await sleep(20);
  }
  async function validate(times: number): Promise<void> {
    for (let time = 0; time < times; time++) expect(await app.stores.validate()).toEqual([]);
  }
  function expectNothingLost(probed: Probed): void {
    const { requests, acknowledged, readBack, failed, failures, longestGapMs, slowestMs, stale, lost, left } = probed;
    console.log(
      `${requests} requests, ${acknowledged} acknowledged writes, ${readBack} read back, ${failed} failed, longest gap ${longestGapMs} ms, slowest ${slowestMs} ms, ${stale.length} stale, ${lost.length} lost`,
    );
    expect({ failures, stale, lost, left }).toEqual({ failures: {}, stale: [], lost: [], left: [] });
  }

  it(
    "goes through every phase and back by its environment alone, and loses no acknowledged write [F124] [F52] [F110]",
    async () => {
      const running = await probe();
      const seconds: string[] = [];
      const change = async (command: "next" | "back", to: Phase, ...more: string[]) => {
        const start = performance.now();
        await app.succeed(command, ...more);
        seconds.push(`${command} to ${to} ${((performance.now() - start) / 1000).toFixed(1)} s`);
        await expectPhase(to);
      };
      const force = (reason: string, ...gates: readonly string[]) => [...gates.flatMap((gate) => ["--force", gate]), "--reason", reason];

      await write(running, 0.1);
      const oldest = await app.createRow("of P0");
      await change("next", "P1");
      await expectRefusal("next", "validations: 0 of 3 validations without a difference");
      await write(running, 0.1);
      const imported = await app.stores.importFiles();
      await validate(3);
      for (const command of ["create", "rehearse"]) {
        const { code, output } = await app.project.slipway("backup", command, "--system", "fluxstudio");
        expect(code, output).toBe(0);
      }
      await change("next", "P2");
      await write(running, 0.1);

      const index =
        "-- slipway: no-transaction\n-- slipway: irreversible a test\nCREATE INDEX CONCURRENTLY more ON public.projects (updated_at);\n";
      expect(await app.stores.migrate(index)).toEqual(["900_more.sql"]);
      await write(running, 0.1);

      // The quick rollback, and forward again.
      const before = { environment: await app.environment(), deployments: await app.deployments() };
      await change("back", "P1");
      const after = await app.environment();
      expect(Object.keys(after).filter((name) => after[name] !== before.environment[name])).toEqual(["USE_DATABASE", "USE_POSTGRES"]);
      expect((await app.deployments()) - before.deployments).toBe(1);
      await write(running, 0.1);
      await validate(3);
      await change("next", "P2", ...force("it was restored an hour ago", "backup"));
      await write(running, 0.1);

      await validate(3);
      expect(await app.stores.exportFiles()).toBe(0);
      await expectRefusal("next", "archive: the JSON files were not archived");
      expect(await app.succeed("archive", "--from", app.stores.folder)).toContain("Archived 1 file");
      await expectRefusal("next", "observation: no round of slipway watch since");
      await change("next", "P3", ...force("a day is too long for a test", "backup", "observation"));
      await write(running, 0.2);
      // The files do not get the one, and keep the other.
      const late = await app.createRow("of P3");
      await app.removeRow(oldest.id);

      // The full rollback.
      await change("back", "P2");
      await write(running, 0.1);
      await expectRefusal("back", "is older than the last write");
      expect(await app.stores.validate()).toEqual(expect.arrayContaining([late.id, oldest.id]));
      const exported = await app.stores.exportFiles();
      expect(exported).toBeGreaterThanOrEqual(2);
      await validate(1);
      await change("back", "P1");
      await write(running, 0.1);
      await change("back", "P0");
      await write(running, 0.1);
      expect(await app.readRow(late.id)).toEqual({ status: 200, row: late });
      expect(await app.readRow(oldest.id)).toMatchObject({ status: 404 });

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
        setting: app.setting().phase,
        unfinished: (await status()).unfinished,
        environment: await app.environment(),
        last: journal().at(-1)!.kind,
      });
      const expected = new Map<Phase, unknown>();
      for (const [command, to] of [
        ["next", "P1"],
        ["back", "P0"],
      ] as const) {
        await app.succeed(command, "--to", to);
        expected.set(to, await outcome());
      }
      let killed = 0;
      for (let turn = 0; killed < KILLS; turn++) {
        const [command, to] = turn % 2 === 0 ? (["next", "P1"] as const) : (["back", "P0"] as const);
        const { process: changing, ended } = app.project.start("phase", command, ...SUBJECT, "--to", to);
        await Promise.race([sleep(200 + Math.random() * 3000), ended]);
        changing.kill("SIGKILL");
        if ((await ended).signal === "SIGKILL") killed++;
        await app.succeed(command, "--to", to);
        expect(await outcome()).toEqual(expected.get(to));
        await expectPhase(to);
      }
      expectNothingLost(await running.stop());
    },
    LONG_MS,
  );
});
