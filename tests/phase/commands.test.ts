/** The commands of `slipway phase` and `slipway probe` on the local platform, with a service that writes JSON files and Postgres. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PhaseStatus } from "../../operate/phase/change.ts";
import { connectionOf } from "../../operate/rotate/account.ts";
import { withSession } from "../../postdeploy/connect/session.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import type { ProbeReport } from "../../report/probe.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { ROOT } from "../setup/checkout.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

/** What the package is built from. */
const ROOMS = [
  "systems",
  "catalog",
  "settings",
  "components",
  "postdeploy",
  "sql",
  "keyspaces",
  "engine",
  "local",
  "operate",
  "backup",
  "report",
  "cli",
  "bin",
];

describe("slipway phase on the local platform", () => {
  let app: Deployed;
  beforeAll(async () => {
    app = await startDeployed("P2");
  }, 240_000);
  afterAll(() => app?.remove());
  /** Each test begins in P2, which the services have just reported, and which is recorded. */
  beforeEach(async () => {
    await app.succeed("next", "--to", "P2", "--force", "validations", "--force", "backup", "--reason", "the next test");
    expect(app.setting()).toEqual({ phase: "P2", phaseSince: expect.any(String) });
  }, 60_000);

  const status = async (): Promise<PhaseStatus> => JSON.parse((await app.phase("status", "--json")).output);
  const admin = async (statement: string) => {
    const cluster = await app.project.cluster(fluxstudio);
    const connection = connectionTo(connectionOf(cluster, cluster.admin, "defaultdb"), "defaultdb");
    await withSession(connection, { application: "slipway test" }, (session) => session.query(statement));
  };

  it("shows the phase, what the services report, and each gate with what to type", async () => {
    const { code, output } = await app.phase("status");
    expect(code, output).toBe(0);
    expect(output).toMatch(
      /FluxStudio in stack local: P2, writes both, reads Postgres, since \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC\n {2}fluxstudio-local\/api reports P2\n/,
    );
    expect(output).toMatch(
      /Next: P3, Postgres only\n(.*\n){2} {2}closed {2}observation {2}no round of slipway watch since .* UTC\. Type: slipway watch --stack local --system fluxstudio\n/,
    );
    expect((await status()).since).toBe(app.setting().phaseSince);
    expect(await app.succeed("next", "--to", "P2")).toContain("Nothing was done.");
  });

  it("records since when the services report a phase that was written by hand", async () => {
    app.project.writeStackFile(app.project.stackFile().replace(/\n *phaseSince: .*/, ""));
    const { output } = await app.phase("status");
    expect(output).toContain("it is not recorded since when");
    expect(output).toMatch(
      /closed {2}observation {2}it is not recorded since when the services report P2\. Type: slipway phase next .* --to P2/,
    );
    expect(await app.succeed("next", "--to", "P2")).toContain("FluxStudio is in phase P2");
    expect(app.setting()).toEqual({ phase: "P2", phaseSince: expect.any(String) });
  });

  it("in P2 reads Postgres, writes both stores with the same id and fields, and reports that on request [F78] [F51]", async () => {
    const row = await app.createRow("of both");
    const { files, postgres } = await app.stores.read();
    expect(files.get(row.id)).toEqual(row);
    expect(postgres.get(row.id)).toEqual(row);
    await app.sql(`UPDATE public.projects SET name = 'of Postgres' WHERE id = '${row.id}'`);
    expect((await app.readRow(row.id)).row).toMatchObject({ name: "of Postgres" });
    expect(await (await fetch(`${app.url}/api/health`)).json()).toMatchObject({ phase: { usePostgres: true, dualWrite: true } });
    expect((await status()).running).toEqual([{ service: "fluxstudio-local/api", phases: ["P2"] }]);
    await app.removeRow(row.id);
  });

  it("reports a database that is away as unhealthy, reads no file instead, and leaves the phase to the operator [F87]", async () => {
    const row = await app.createRow("in both stores");
    const before = { setting: app.setting(), environment: await app.environment() };
    const { runtime } = fluxstudio.postgres.roles;
    await admin(`ALTER DATABASE ${fluxstudio.postgres.database} CONNECTION LIMIT 0`);
    await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${runtime}'`);
    expect((await fetch(`${app.url}/api/health`)).status).toBe(503);
    expect((await app.readRow(row.id)).status).toBe(503);
    const { code, output } = await app.phase("status");
    expect([code, output]).toEqual([1, expect.stringContaining("fluxstudio-local/api reports no phase: its health answer is 503")]);
    const refused = await app.phase("next");
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining("its health answer is 503")]);
    expect({ setting: app.setting(), environment: await app.environment() }).toEqual(before);
    await admin(`ALTER DATABASE ${fluxstudio.postgres.database} CONNECTION LIMIT -1`);
    expect((await app.readRow(row.id)).row).toEqual(row);
    expect((await status()).running).toEqual([{ service: "fluxstudio-local/api", phases: ["P2"] }]);
    await app.removeRow(row.id);
  }, 60_000);

  it("returns from P2 to P1 with one command, one changed environment and one deployment, and the app still writes both [F91]", async () => {
    // Nothing shows that the files have everything: the first phase of this journal reads Postgres.
    expect((await app.phase("back")).output).toContain("  export: ");
    await app.stores.exportFiles();
    await app.stores.validate();
    const before = { environment: await app.environment(), deployments: await app.deployments() };
    await app.succeed("back");
    const after = await app.environment();
    expect(Object.keys(after).filter((name) => after[name] !== before.environment[name])).toEqual(["USE_DATABASE", "USE_POSTGRES"]);
    expect((await app.deployments()) - before.deployments).toBe(1);
    const row = await app.createRow("in P1");
    const { files, postgres } = await app.stores.read();
    expect([files.get(row.id), postgres.get(row.id)]).toEqual([row, row]);
    await app.sql(`UPDATE public.projects SET name = 'of Postgres' WHERE id = '${row.id}'`);
    expect((await app.readRow(row.id)).row).toEqual(row);
    await app.removeRow(row.id);
  });

  it("is read from the stack's file, the journal and the services, and no file of the package names a sprint [F115]", async () => {
    const text = app.project.stackFile();
    app.project.writeStackFile(text.replace("phase: P2", "phase: P3"));
    const { code, output } = await app.phase("status");
    expect([code, output]).toEqual([
      1,
      expect.stringContaining("The services do not report the phase of the stack's file. Deploy the stack."),
    ]);
    app.project.writeStackFile(text);
    expect((await app.phase("status")).code).toBe(0);
    expect(Object.keys(await status()).sort()).toEqual(["back", "history", "next", "phase", "running", "since", "system"]);
    const files = ROOMS.flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(ts|js|sql|lua|json|yaml)$/.test(entry.name) && !/\.test\.ts$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    expect(files.length).toBeGreaterThan(500);
    expect(files.filter((file) => /sprint/i.test(file.slice(ROOT.length)) || /\bsprint/i.test(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("archives the files where the backups are, or in a folder, and records only what is complete", async () => {
    const row = await app.createRow("archived");
    expect(await app.succeed("archive", "--from", app.stores.folder)).toMatch(
      /Archived 1 file, \d+ bytes, in .*\/backups\/fluxstudio\/json-archive\/\d{8}T\d{6}Z\/, encrypted:\n {2}[0-9a-f]{64} .* projects\.json/,
    );
    const to = join(app.project.root, "copy");
    const { code, output } = await app.phase("archive", "--from", app.stores.folder, "--to", to, "--json");
    expect(code, output).toBe(0);
    const { places, files } = JSON.parse(output.slice(output.indexOf("{")));
    expect(files.map(({ path }: { path: string }) => path)).toEqual(["projects.json"]);
    expect(readFileSync(join(places[0], "files/projects.json"), "utf8")).toContain(row.id);
    const linked = join(app.project.root, "linked");
    mkdirSync(linked);
    symlinkSync("/etc/hostname", join(linked, "users.json"));
    const refused = await app.phase("archive", "--from", linked, "--to", to);
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining("users.json is a link.")]);
    rmSync(linked, { recursive: true });
    await app.removeRow(row.id);
  });

  it("probes the app during a change of phase, with the change in its report, and removes what a killed probe has left", async () => {
    const html = join(app.project.root, "probe.html");
    const args = ["probe", "--stack", "local", "--system", "fluxstudio", "--rate", "200"];
    const killed = app.project.start(...args);
    const ids = async () => (await app.rows()).filter(({ name }) => name === "slipway probe").map(({ id }) => id);
    // All rows that a probe creates, each of them written down: it can only remove those that it knows.
    const known = join(app.project.root, ".slipway/probe/local-fluxstudio.jsonl");
    while (!existsSync(known) || readFileSync(known, "utf8").split("\n").length <= 24) await sleep(50);
    killed.process.kill("SIGKILL");
    await killed.ended;
    const left = new Set(await ids());
    const probing = app.project.start(...args, "--for", "10min", "--html", html, "--json");
    // Once it writes: what happens before is not in its report.
    while (!(await ids()).some((id) => !left.has(id))) await sleep(50);
    await app.succeed("back", "--force", "export", "--force", "validations", "--reason", "a test");
    probing.process.kill("SIGINT");
    const { code, output } = await probing.ended;
    expect(code, output).toBe(0);
    expect(output).toContain("Remove 24 rows that an earlier probe has left");
    const report = JSON.parse(output.slice(output.indexOf("{"))) as ProbeReport;
    expect(report).toMatchObject({ failed: 0, failures: {}, stale: [], lost: [], left: [], service: "fluxstudio-local/api" });
    expect(report.acknowledged).toBeGreaterThan(24);
    expect(report.events.map(({ title }) => title)).toEqual(["the change from P2 to P1 began", "the services report P1"]);
    expect(readFileSync(html, "utf8")).toContain("the change from P2 to P1 began");
    expect(await ids()).toEqual([]);
    if (process.env.SLIPWAY_PROBE_PAGE !== undefined) writeFileSync(process.env.SLIPWAY_PROBE_PAGE, readFileSync(html));
  }, 60_000);

  it("says what is missing before it sends anything", async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [
        ["probe", "--stack", "local", "--system", "fluxstudio", "--rate", "0"],
        '--rate takes a whole number of requests a second, 1 to 10000, not "0".',
      ],
      [["probe", "--stack", "local", "--system", "devx"], "DevX Platform declares no requests that a probe may send"],
      [["phase", "next", "--stack", "local", "--system", "devx"], "DevX Platform has no phases: its data has always been in Postgres."],
      [
        ["phase", "next", "--stack", "local", "--force", "backup"],
        '--force needs the reason, which is kept: --force backup --reason "<why>"',
      ],
      [["phase", "next", "--stack", "local", "--to", "P4"], "--to takes P0, P1, P2 or P3"],
      [["phase", "archive", "--stack", "local", "--system", "fluxstudio"], "--from"],
    ];
    for (const [args, text] of cases) {
      const { code, output } = await app.project.slipway(...args);
      expect([args, code, output]).toEqual([args, 2, expect.stringContaining(text)]);
    }
  }, 60_000);
});
