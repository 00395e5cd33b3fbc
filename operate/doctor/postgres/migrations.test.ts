import { execFileSync } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { slipway } from "../../../cli/testing/slipway.ts";
import { down } from "../../../postdeploy/migrate/down.ts";
import { cleanFolders, folderOf } from "../../../postdeploy/migrate/testing/folder.ts";
import { startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { up } from "../../../postdeploy/migrate/up.ts";
import type { Finding } from "../finding.ts";
import { examine, idsOf, type Workbench, withDatabase } from "../testing/database.ts";

const FILES = {
  "001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY);",
  "002_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);",
  "002_orders.down.sql": "DROP TABLE orders;",
  "003_index.sql":
    "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY users_id ON users (id) WHERE id > 10;\nCREATE INDEX CONCURRENTLY users_more ON users (id) WHERE id > 20;",
};

interface MigrationFault {
  readonly title: string;
  readonly id: string;
  readonly severity: Finding["severity"];
  readonly says: string | RegExp;
  readonly plant: (folder: string, bench: Workbench) => Promise<unknown> | unknown;
  readonly next: RegExp;
  /** Before the command of the next step. */
  readonly prepare?: (folder: string, bench: Workbench) => Promise<unknown> | unknown;
  /** After it. */
  readonly also?: (folder: string) => unknown;
}

const faults: readonly MigrationFault[] = [
  {
    title: "a file that is not applied",
    id: "migrations-pending",
    severity: "warning",
    says: "1 of 4 files are not applied: 004_more.sql",
    plant: (folder) => writeFileSync(join(folder, "004_more.sql"), "CREATE TABLE more (id bigint PRIMARY KEY);"),
    next: /^slipway migrate up --dir /,
  },
  {
    title: "a file that was changed after it was applied",
    id: "migration-edited",
    severity: "error",
    says: /^The file was changed after it was applied \(20/,
    plant: (folder) => writeFileSync(join(folder, "001_users.sql"), "CREATE TABLE users (id bigint PRIMARY KEY, name text);"),
    next: /^slipway migrate repair --accept 001_users.sql --reason "no effect" --dir /,
  },
  {
    title: "a file that was deleted after it was applied",
    id: "migration-missing",
    severity: "error",
    says: "and the file is gone",
    plant: (folder) => {
      rmSync(join(folder, "002_orders.sql"));
      rmSync(join(folder, "002_orders.down.sql"));
    },
    next: /^slipway migrate repair --retire 002_orders.sql --reason "removed" --dir /,
  },
  {
    title: "a file that was renamed after it was applied",
    id: "migration-missing",
    severity: "error",
    says: "appears to be renamed to 002_sales.sql",
    plant: (folder) => {
      renameSync(join(folder, "002_orders.sql"), join(folder, "002_sales.sql"));
      rmSync(join(folder, "002_orders.down.sql"));
    },
    next: /^slipway migrate repair --rename 002_orders.sql=002_sales.sql --reason "renamed" --dir /,
  },
  {
    title: "a file that arrived after later ones were applied",
    id: "migration-out-of-order",
    severity: "error",
    says: "003_index.sql, which comes later, is: a run refuses it",
    plant: (folder) => writeFileSync(join(folder, "002_b_late.sql"), "CREATE TABLE late (id bigint PRIMARY KEY);"),
    next: /^slipway migrate up --allow-out-of-order --dir /,
  },
  {
    title: "a file that stopped between two statements",
    id: "migration-unfinished",
    severity: "error",
    says: "It stopped between two statements: 1 of 2 have run",
    async plant(folder, { connection, sql }) {
      const file =
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a ON users (id) WHERE id > 30;\nCREATE INDEX CONCURRENTLY b ON missing (id);";
      writeFileSync(join(folder, "004_two.sql"), file);
      await up({ folder, connection }).catch(() => {});
      await sql("SELECT 1");
    },
    next: /^slipway migrate up --dir /,
    prepare: (_, { sql }) => sql("CREATE TABLE missing (id bigint PRIMARY KEY)"),
  },
  {
    title: "a file whose down migration stopped between two statements",
    id: "migration-half-reverted",
    severity: "error",
    says: "Its down migration stopped between two statements",
    async plant(folder, { connection }) {
      writeFileSync(join(folder, "004_two.sql"), "CREATE TABLE two (id bigint PRIMARY KEY, a int);\nCREATE INDEX two_a ON two (a);");
      writeFileSync(
        join(folder, "004_two.down.sql"),
        "-- slipway: no-transaction\nDROP INDEX CONCURRENTLY two_a;\nDROP INDEX CONCURRENTLY two_missing;\nDROP TABLE two;",
      );
      await up({ folder, connection });
      await down({ folder, connection, steps: 1 }).catch(() => {});
    },
    next: /^slipway migrate down --yes --dir /,
    prepare: (_, { sql }) => sql("CREATE INDEX two_missing ON two (a)"),
    also: (folder) => {
      rmSync(join(folder, "004_two.sql"));
      rmSync(join(folder, "004_two.down.sql"));
    },
  },
  {
    title: "an object that changed by hand",
    id: "schema-drift",
    severity: "warning",
    says: /^1 object differs from what the migrations left: \w+ public\.users\.nickname was added/,
    plant: (_, { sql }) => sql("ALTER TABLE users ADD nickname text"),
    next: /^slipway migrate verify --dir /,
    // The command shows the difference; what to do with it is the operator's decision.
    prepare: (_, { sql }) => sql("ALTER TABLE users DROP nickname"),
  },
  {
    title: "a file that is not UTF-8",
    id: "migration-file",
    severity: "error",
    says: /UTF-8/,
    plant: (folder) => writeFileSync(join(folder, "004_more.sql"), Buffer.from("SELECT 'caf\xe9'", "latin1")),
    next: /^slipway migrate lint --dir /,
    prepare: (folder) => rmSync(join(folder, "004_more.sql")),
  },
];

describe("of migrations, doctor finds the planted fault, and nothing after the command of its next step:", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server.stop();
    cleanFolders();
  });

  it("a name in the ledger that another client wrote is a quoted word of the command, and not a command of its own", () =>
    withDatabase(server, async ({ connection, sql }) => {
      const folder = folderOf(FILES).path;
      await up({ folder, connection });
      const name = "000_x.sql; touch pwned; echo 'x' $(id)";
      await sql("UPDATE slipway.events SET file = '000_x.sql; touch pwned; echo ''x'' $(id)' WHERE file = '003_index.sql'");
      const { findings } = await examine(connection, { subject: { migrations: folder } });
      const { command } = findings.find(({ id }) => id === "migration-missing")!.next;
      const messages = [command!, await up({ folder, connection }).then(String, ({ message }: Error) => message)];
      for (const message of messages) {
        const [typed = ""] = /slipway migrate repair .*/.exec(message) ?? [];
        // A shell with a program in the place of slipway, which prints its arguments.
        const printed = execFileSync("sh", ["-c", `slipway() { printf '%s\\n' "$@"; }; ${typed}`], { cwd: folder, encoding: "utf8" });
        expect(printed.split("\n").slice(0, 4)).toEqual(["migrate", "repair", "--rename", `${name}=003_index.sql`]);
      }
      expect(existsSync(join(folder, "pwned"))).toBe(false);
    }));

  it.for(faults)("$title ($id)", ({ id, severity, says, plant, next, prepare, also }) =>
    withDatabase(server, async (bench) => {
      const folder = folderOf(FILES).path;
      const { connection } = bench;
      await up({ folder, connection });
      const look = () => examine(connection, { subject: { migrations: folder } });
      expect(idsOf(await look())).toEqual([]);
      await plant(folder, bench);
      const { findings } = await look();
      const finding = findings.find((one) => one.id === id)!;
      expect(findings.map((one) => one.id)).toContain(id);
      expect(finding).toMatchObject({ severity, evidence: expect.stringMatching(says) });
      expect(finding.next.command).toMatch(next);

      await prepare?.(folder, bench);
      const words = [...finding.next.command!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
      const { code, stderr } = await slipway([...words.slice(1), ...(words.includes("lint") ? [] : ["--url", connection.url])]);
      // They also report files without a down migration.
      expect([code, stderr]).toEqual([words.includes("verify") || words.includes("lint") ? 1 : 0, expect.anything()]);
      also?.(folder);
      expect(idsOf(await look()), "after the next step").toEqual([]);
    }),
  );

  it("whose owner role does not exist, it says so, and nothing after the role exists", () =>
    withDatabase(server, async ({ connection, sql }) => {
      const folder = folderOf(FILES).path;
      const roles = { owner: "later_owner", runtime: "later", readonly: "later_readonly", backup: "later_backup" };
      const declared = { system: "later", database: "later", schemas: ["public"], extensions: [], roles, statementTimeoutSeconds: 30 };
      const look = async () => (await examine(connection, { subject: { declared, migrations: folder } })).findings;
      expect(await look()).toMatchObject([{ id: "roles-missing", subject: "role later_owner", next: { command: "pulumi up" } }]);
      await sql("CREATE ROLE later_owner");
      expect((await look()).map(({ id }) => id)).toEqual(["migrations-pending"]);
    }));

  it("that were never applied, it reports all of them", () =>
    withDatabase(server, async ({ connection }) => {
      const folder = folderOf(FILES).path;
      const { findings, facts } = await examine(connection, { subject: { migrations: folder } });
      expect(findings).toMatchObject([
        {
          id: "migrations-pending",
          evidence: "None of the 3 files has been applied: the database has no ledger.",
          next: { command: `slipway migrate up --dir ${folder}` },
        },
      ]);
      expect(facts.at(-1)).toEqual({ name: "migrations", value: "0 of 3 files applied" });
    }));
});
