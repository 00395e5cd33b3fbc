import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Phase } from "../../settings/settings.ts";
import { openJsonLines, readJsonLines } from "../json-lines.ts";
import { type ChangeOptions, changePhase, readStatus } from "./change.ts";
import { type PhaseEntry, withPhaseLock } from "./journal.ts";
import { type Direction, ORDER } from "./phases.ts";
import { FLAGS, phaseSubject, type Records, type SubjectOptions, writeStack } from "./testing/subject.ts";

const SINCE = "2026-11-01T12:00:00.000Z";
const at = (hours: number): string => new Date(Date.parse(SINCE) + hours * 3_600_000).toISOString();

/** Every gate of every change is open. */
const ALL: Records = {
  validations: [1, 2, 30].map((hours) => ({ at: at(hours), isClean: true })),
  restoredBackups: [{ id: "20261101T130000Z", startedAt: at(1), restoredAt: at(2) }],
  rounds: [0, 4, 8, 12, 16, 20, 24].map((hours) => ({ at: at(hours), problems: 0 })),
  exports: [{ at: at(26) }],
  archives: [{ at: at(26) }],
};

describe("a change of phase", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway phase "));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const stackFile = () => readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8");
  const setting = () => parse(stackFile()).config["slipway:shop"] as { phase: Phase; phaseSince?: string };
  const deployed = () => readFileSync(join(folder, "deployed"), "utf8");
  const journal = () => readJsonLines<PhaseEntry>(join(folder, "phase", "prod-shop.jsonl"));
  const everything = () => ({ file: stackFile(), deployed: deployed(), journal: journal() });
  const record = (...entries: readonly PhaseEntry[]) => {
    const lines = openJsonLines<PhaseEntry>(join(folder, "phase", "prod-shop.jsonl"));
    for (const entry of entries) lines.append(entry);
    lines.close();
  };

  type Given = Partial<ChangeOptions> & SubjectOptions & { readonly allowed?: readonly Phase[] };
  const change = (direction: Direction, { records, onStep, environment, allowed = ORDER, ...options }: Given = {}) =>
    changePhase(
      { ...phaseSubject(folder, { records: records ?? ALL, ...(onStep && { onStep }), ...(environment && { environment }) }), allowed },
      { direction, force: [], reason: undefined, waitMs: 0, report: () => {}, ...options },
    );
  const refusal = (direction: Direction, given?: Given) =>
    change(direction, given).then(
      () => expect.unreachable("the change is refused"),
      ({ code, exit, message }) => ({ code, exit, message }),
    );

  it.each<[Phase, Direction, Phase]>([
    ["P0", "next", "P1"],
    ["P1", "next", "P2"],
    ["P2", "next", "P3"],
    ["P3", "back", "P2"],
    ["P2", "back", "P1"],
    ["P1", "back", "P0"],
  ])(
    "from %s %s leads to %s, which the services report, with the time in the stack's file and both ends in the journal",
    async (from, direction, to) => {
      writeStack(folder, from, { since: SINCE });
      const changed = await change(direction);
      expect(changed).toMatchObject({ from, to, isChanged: true, forced: [] });
      expect(deployed()).toBe(to);
      expect(setting()).toEqual({ phase: to, phaseSince: changed.since });
      expect(stackFile()).toContain(`phase: ${to} # Of the shop.\n`);
      expect(journal()).toEqual([
        { kind: "began", from, to, at: expect.any(String) },
        { kind: "done", from, to, at: changed.since },
      ]);
    },
  );

  it.each<[Phase, Direction, string]>([
    ["P3", "next", "P3 is the last phase. Nothing was changed. See: slipway phase status"],
    ["P0", "back", "P0 is the first phase. Nothing was changed. See: slipway phase status"],
  ])("from %s %s is refused", async (phase, direction, message) => {
    writeStack(folder, phase, { since: SINCE });
    const before = everything();
    expect(await refusal(direction)).toEqual({ code: "phase-last", exit: 2, message: `${message} ${FLAGS}` });
    expect(everything()).toEqual(before);
  });

  it.each<[Phase, Direction, Phase, string]>([
    ["P0", "next", "P2", `slipway phase next ${FLAGS} leads to P1`],
    ["P0", "next", "P3", `slipway phase next ${FLAGS} leads to P1`],
    ["P3", "back", "P1", `slipway phase back ${FLAGS} leads to P2`],
    ["P3", "back", "P0", `slipway phase back ${FLAGS} leads to P2`],
    ["P1", "next", "P0", `slipway phase back ${FLAGS} leads to P0`],
  ])("from %s %s --to %s is refused, also with --force: no phase is skipped", async (phase, direction, to, hint) => {
    writeStack(folder, phase, { since: SINCE });
    const before = everything();
    expect(await refusal(direction, { to, force: ["validations"], reason: "no time" })).toEqual({
      ...{ code: "phase-step", exit: 2 },
      message: `The phase is ${phase}, and it changes by one step at a time: ${hint}. Nothing was changed.`,
    });
    expect(everything()).toEqual(before);
  });

  it("to a phase that reads files is refused on App Platform before anything is written", async () => {
    writeStack(folder, "P2", { since: SINCE });
    const before = everything();
    const { code, exit, message } = await refusal("back", { allowed: ["P2", "P3"] });
    expect([code, exit]).toEqual(["phase-not-allowed", 2]);
    expect(message).toContain(
      "App Platform deletes the files of a container at every restart. The stack of Pulumi.prod.yaml can be in P2, P3.",
    );
    expect(everything()).toEqual(before);
  });

  it("between P2 and P3 without a disk deploys the program, and the services report the same flags before and after it [F50]", async () => {
    const environment = "prod";
    const allowed = ["P2", "P3"] as const;
    writeStack(folder, "P2", { since: SINCE });
    const steps: string[] = [];
    const { running } = await readStatus(phaseSubject(folder, { environment }));
    expect(running).toEqual([{ service: "shop/api", phases: ["P2", "P3"] }]);
    for (const [direction, to] of [
      ["next", "P3"],
      ["back", "P2"],
    ] as const) {
      expect(await change(direction, { environment, allowed, onStep: (step) => steps.push(step) })).toMatchObject({ to, isChanged: true });
      expect([deployed(), setting().phase]).toEqual([to, to]);
    }
    expect(steps.filter((step) => step === "deploy")).toHaveLength(2);
  });

  it("to P2 is refused where nothing exports its JSON copy, before anything is written", async () => {
    writeStack(folder, "P3", { since: SINCE });
    const before = everything();
    expect(await refusal("back", { environment: "prod", allowed: ["P3"] })).toEqual({
      ...{ code: "phase-not-allowed", exit: 2 },
      message:
        "In P2 the JSON copy is an export of the worker that makes backups, and the stack of Pulumi.prod.yaml makes none. Nothing was changed. Set slipway:backups.recipients, as docs/backup.md describes, deploy, and type the command again.",
    });
    expect(everything()).toEqual(before);
  });

  it("is refused while a gate is closed, with every closed gate and what to type, and changes nothing", async () => {
    writeStack(folder, "P2", { since: SINCE });
    const before = everything();
    const { code, exit, message } = await refusal("next", { records: { ...ALL, rounds: ALL.rounds!.slice(0, 3), archives: [] } });
    expect([code, exit]).toEqual(["gate-closed", 1]);
    expect(message).toMatch(
      /^The change from P2 to P3 is refused, and nothing was changed:\n {2}observation: observed for 8\.0 h of 24 h since 2026-11-01 12:00 UTC; at least \d+\.\d h are left\. Type: slipway watch --stack prod --system shop\n {2}archive: the JSON files were not archived\. Type: slipway phase archive .*\nTo skip one, with a reason that is kept: slipway phase next --stack prod --system shop --force observation --reason "<why>"$/,
    );
    expect(everything()).toEqual(before);
  });

  it("to P3 needs validations, a restored backup, a day of observation, an export and an archive, each since the change to P2 [F98]", async () => {
    for (const [gate, without] of [
      ["validations", { validations: ALL.validations!.slice(1) }],
      ["backup", { restoredBackups: [] }],
      ["observation", { rounds: ALL.rounds!.slice(0, -1) }],
      ["export", { exports: [] }],
      ["archive", { archives: [] }],
    ] as const) {
      writeStack(folder, "P2", { since: SINCE });
      expect((await refusal("next", { records: { ...ALL, ...without } })).message).toMatch(
        new RegExp(`nothing was changed:\\n  ${gate}: .*\\nTo skip`),
      );
    }
    expect(await change("next")).toMatchObject({ to: "P3" });
  });

  it("does not skip the day silently: it counts from the change of phase, and --force keeps its reason in the journal and the stack's file [F114]", async () => {
    // The records are those of a day before the services reported P2.
    writeStack(folder, "P2", { since: at(23) });
    const records = {
      ...ALL,
      validations: [24, 25, 26].map((hours) => ({ at: at(hours), isClean: true })),
      restoredBackups: [{ id: "b", startedAt: at(24), restoredAt: at(25) }],
    };
    expect((await refusal("next", { records })).message).toContain("observation: observed for 1.0 h of 24 h since 2026-11-02 11:00 UTC");
    for (const reason of [undefined, "", "  "])
      expect(await refusal("next", { records, force: ["observation"], reason })).toMatchObject({
        ...{ code: "reason-missing", exit: 2 },
        message: expect.stringContaining('--force needs the reason, which is kept: --force observation --reason "<why>"'),
      });
    expect(journal()).toEqual([]);
    const reason = "the old disk\nfails # today";
    expect(await change("next", { records, force: ["observation", "archive"], reason })).toMatchObject({
      to: "P3",
      forced: ["observation"],
    });
    expect(journal()[0]).toMatchObject({ kind: "began", from: "P2", to: "P3", forced: ["observation"], reason });
    expect(stackFile()).toContain("    # P2 to P3 without observation: the old disk fails # today\n    phase: P3 # Of the shop.\n");
    expect(parse(stackFile()).config["slipway:shop"].phase).toBe("P3");
    expect((await readStatus(phaseSubject(folder))).history[0]).toMatchObject({ reason });
  });

  it("is refused with a gate that does not exist", async () => {
    writeStack(folder, "P2", { since: SINCE });
    expect(await refusal("next", { force: ["time"], reason: "none" })).toEqual({
      ...{ code: "gate-unknown", exit: 2 },
      message: 'There is no gate "time". There are: validations, backup, observation, export, archive. Nothing was changed.',
    });
  });

  it("to JSON after Postgres alone was written is refused until an export and a validation after it, in order [F92]", async () => {
    writeStack(folder, "P3", { since: SINCE });
    const { since } = await change("back");
    const minutesAfter = (minutes: number) => new Date(Date.parse(since) + minutes * 60_000).toISOString();
    const old: Records = { exports: [{ at: at(1) }], validations: [{ at: at(2), isClean: true }], lastWrite: at(3) };
    expect((await refusal("back", { records: old })).message).toContain(
      "export: the export of 2026-11-01 13:00 UTC is older than the last write, of 2026-11-01 15:00 UTC. Type: slipway data export",
    );
    const early: Records = { exports: [{ at: minutesAfter(2) }], validations: [{ at: minutesAfter(1), isClean: true }] };
    expect((await refusal("back", { records: early })).message).toMatch(
      /nothing was changed:\n {2}validations: 0 of 1 validations without a difference since the export/,
    );
    const wrong: Records = { ...early, validations: [{ at: minutesAfter(3), isClean: false }] };
    expect((await refusal("back", { records: wrong })).message).toContain("validations: the validation of");
    expect(deployed()).toBe("P2");
    expect(await change("back", { records: { ...early, validations: [{ at: minutesAfter(3), isClean: true }] } })).toMatchObject({
      to: "P1",
      forced: [],
    });
    expect(deployed()).toBe("P1");
  });

  it("to JSON with an old export is done with a reason, which is kept", async () => {
    writeStack(folder, "P3", { since: SINCE });
    await change("back");
    const reason = "the data is of no use";
    expect(await change("back", { records: {}, force: ["export", "validations"], reason })).toMatchObject({
      forced: ["export", "validations"],
    });
    expect(journal().at(-2)).toMatchObject({ from: "P2", to: "P1", forced: ["export", "validations"], reason });
  });

  it("to JSON has no gate where both stores were written all the time", async () => {
    writeStack(folder, "P0", { since: SINCE });
    await change("next");
    await change("next", { force: ["validations", "backup"], reason: "a test" });
    expect(await change("back", { records: {} })).toMatchObject({ to: "P1", gates: [] });
  });

  it("does not begin while a service reports another phase, or none", async () => {
    writeStack(folder, "P1", { since: SINCE, reported: "P0" });
    expect(await refusal("next")).toMatchObject({
      code: "phase-differs",
      exit: 1,
      message: expect.stringContaining("has phase P1, but shop/api: it reports P0. Nothing was changed."),
    });
    rmSync(join(folder, "deployed"));
    expect((await refusal("next")).message).toContain("shop/api: it does not answer: ECONNREFUSED");
    expect(journal()).toEqual([]);
  });

  it("does not begin where no service declares its phase", async () => {
    writeStack(folder, "P1", { since: SINCE });
    const subject = { ...phaseSubject(folder, { records: ALL }), readRunning: async () => [] };
    await expect(changePhase(subject, { direction: "next", force: [], reason: undefined, waitMs: 0, report: () => {} })).rejects.toThrow(
      "No service of shop declares where it reports its phase, so a change cannot be verified. Declare it: checks.phase in systems/shop.ts",
    );
  });

  it("does not begin while the program has changes that are not deployed", async () => {
    writeStack(folder, "P1", { since: SINCE });
    const before = everything();
    await expect(
      change("next", {
        onStep: (step) => {
          if (step === "preview") throw new Error("The program has changes that are not deployed");
        },
      }),
    ).rejects.toThrow("has changes that are not deployed");
    expect(everything()).toEqual(before);
  });

  it("fails while the services do not report the phase after the deployment, and the same command finishes it", async () => {
    writeStack(folder, "P1", { since: SINCE });
    const stuck = (step: string) => step === "deployed" && writeFileSync(join(folder, "deployed"), "P1");
    const { code, exit, message } = await refusal("next", { onStep: stuck });
    expect([code, exit]).toEqual(["phase-not-reported", 1]);
    expect(message).toContain(
      `Pulumi.prod.yaml has phase P2 and was deployed, but shop/api: it reports P1. See the log of the service, fix the cause, and type the same command again. To return instead: slipway phase back ${FLAGS}`,
    );
    expect(setting()).toEqual({ phase: "P2" });
    expect((await readStatus(phaseSubject(folder))).unfinished).toMatchObject({ from: "P1", to: "P2" });
    expect(await change("next", { records: {} })).toMatchObject({ from: "P1", to: "P2" });
    expect(setting().phase).toBe("P2");
  });

  it("is done already where the services report the phase: --to changes nothing then", async () => {
    writeStack(folder, "P2", { since: SINCE });
    const before = everything();
    for (const direction of ["next", "back"] as const)
      expect(await change(direction, { to: "P2" })).toMatchObject({ to: "P2", since: SINCE, isChanged: false });
    expect(everything()).toEqual(before);
  });

  it("records since when the services report a phase that was written by hand", async () => {
    writeStack(folder, "P1", { reported: "P0" });
    expect((await refusal("next")).code).toBe("phase-differs");
    const { since } = await change("next", { to: "P1", records: {} });
    expect(setting()).toEqual({ phase: "P1", phaseSince: since });
    expect(deployed()).toBe("P1");
  });

  it.each<[string, Phase]>([
    ["before the file was written", "P1"],
    ["after the file was written", "P2"],
  ])("that was killed %s is continued by next, and reverted by back, to the phase in which it began", async (_, inFile) => {
    const began: PhaseEntry = { kind: "began", from: "P1", to: "P2", at: SINCE };
    writeStack(folder, inFile, { reported: "P1" });
    record(began);
    expect(await change("back", { records: {} })).toMatchObject({ from: "P2", to: "P1" });
    expect([setting().phase, deployed()]).toEqual(["P1", "P1"]);
    writeStack(folder, inFile, { reported: "P1" });
    record(began);
    expect(await change("next", { records: {} })).toMatchObject({ from: "P1", to: "P2" });
    expect([setting().phase, deployed()]).toEqual(["P2", "P2"]);
  });

  it("that is unfinished lets no other one begin", async () => {
    writeStack(folder, "P2", { reported: "P1" });
    record({ kind: "began", from: "P1", to: "P2", at: SINCE });
    const before = everything();
    expect(await refusal("next", { to: "P3" })).toEqual({
      ...{ code: "phase-unfinished", exit: 2 },
      message: `The change from P1 to P2 is unfinished. Nothing was changed. Continue it: slipway phase next ${FLAGS}`,
    });
    expect(everything()).toEqual(before);
  });

  it("ends the same after a kill at each of its steps and a plain run again", async () => {
    const program = fileURLToPath(new URL("testing/process.ts", import.meta.url));
    const run = (killAt: number) =>
      new Promise<{ signal: string | null; output: string }>((resolve) =>
        execFile(process.execPath, [program, folder, "P2", String(killAt)], (error, stdout) =>
          resolve({ signal: (error as { signal?: string } | null)?.signal ?? null, output: stdout }),
        ),
      );
    const outcome = () => ({
      ...{ deployed: deployed(), phase: setting().phase, file: stackFile().replaceAll(/phaseSince: .*/g, "phaseSince") },
      journal: journal().map(({ at: _, ...entry }) => entry),
    });
    const begin = () => {
      rmSync(join(folder, "phase"), { recursive: true, force: true });
      writeStack(folder, "P1", { since: SINCE });
    };
    begin();
    const steps = Number((await run(0)).output);
    const undisturbed = outcome();
    expect(undisturbed).toMatchObject({ deployed: "P2", phase: "P2" });
    expect(steps).toBeGreaterThanOrEqual(8);
    for (let killAt = 1; killAt <= steps; killAt++) {
      begin();
      expect((await run(killAt)).signal).toBe("SIGKILL");
      expect((await run(0)).signal).toBeNull();
      expect(outcome(), `killed before step ${killAt} of ${steps}`).toEqual(undisturbed);
    }
  });

  it("ends the same after a kill between the time in the file and the end in the journal", async () => {
    writeStack(folder, "P2", { since: SINCE });
    record({ kind: "began", from: "P1", to: "P2", at: SINCE });
    const { since } = await change("next", { records: {} });
    expect(setting()).toEqual({ phase: "P2", phaseSince: since });
    expect(journal().map(({ kind, to }) => [kind, to])).toEqual([
      ["began", "P2"],
      ["done", "P2"],
    ]);
  });

  it("waits for no other run: exit code 75 names the process that changes a phase", async () => {
    await withPhaseLock(folder, async () => {
      // As another process: for this process, the message would be another one.
      const lock = join(folder, "phase", "lock");
      const { pid } = process;
      writeFileSync(
        lock,
        readFileSync(lock, "utf8")
          .replace(String(pid), String(process.ppid))
          .replace(/ \d*$/, ` ${startOf(process.ppid)}`),
      );
      await expect(withPhaseLock(folder, async () => expect.unreachable())).rejects.toMatchObject({
        ...{ code: "phase-running", exit: 75 },
        message: `Another run of slipway phase is changing a phase in this project: process ${process.ppid}. Nothing was changed. Type the command again when it has ended.`,
      });
    });
  });
});

const startOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19]!;
