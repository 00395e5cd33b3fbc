import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../../postdeploy/migrate/testing/folder.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { systems } from "../../systems/index.ts";
import { launcher, root, slipway, startSlipway } from "../testing/slipway.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

const migrate = (...argv: string[]) => slipway(["migrate", ...argv]);

const files = {
  "001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
  "001_users.down.sql": "DROP TABLE users;",
  "002_names.sql": "ALTER TABLE users ALTER name SET NOT NULL;\nCREATE INDEX users_name ON users (name);",
  "002_names.down.sql": "DROP INDEX users_name;\nALTER TABLE users ALTER name DROP NOT NULL;",
};

async function database(content: Readonly<Record<string, string>> = files) {
  const { url } = await server.database();
  const folder = folderOf(content);
  return { url, folder, at: ["--dir", folder.path, "--url", url] };
}

describe("slipway migrate", () => {
  it("prints applied, pending and changed migrations, applies them, reverts them, verifies them and creates new ones [D20]", async () => {
    const { at, folder } = await database();
    expect(await migrate("status", ...at)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/no ledger yet\n {2}001_users.sql {2}pending\n {2}002_names.sql {2}pending\n\n2 pending\./),
    });
    expect(await migrate("up", ...at, "--to", "001_users.sql")).toMatchObject({
      code: 0,
      stdout: "1 file applied.",
      stderr: expect.stringMatching(/^\[1\/1\] 001_users.sql {2}\d+ ms$/),
    });
    expect((await migrate("plan", ...at)).stdout).toMatch(
      /002_names.sql {2}2 statements; has a down migration\n {2}users \(16 kB, about 0 rows\): ACCESS EXCLUSIVE, blocks reads and writes, scans the table line 1\n[\s\S]*warning set-not-null[\s\S]*warning index-blocks-writes/,
    );
    expect(await migrate("up", ...at)).toMatchObject({ code: 0, stdout: "1 file applied." });
    expect(await migrate("up", ...at)).toMatchObject({ code: 0, stdout: "Nothing is pending.", stderr: "" });
    expect((await migrate("status", ...at)).code).toBe(0);
    expect(await migrate("down", ...at, "--yes")).toMatchObject({ code: 0, stdout: "1 file reverted: 002_names.sql" });
    expect(await migrate("verify", ...at)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/001_users.sql {2}up, down, up: equal[\s\S]*All equal\./),
    });
    expect(await migrate("new", "add notes", ...at)).toMatchObject({ code: 0, stdout: expect.stringContaining("003_add_notes.sql\n") });
    expect(readFileSync(path.join(folder.path, "003_add_notes.sql"), "utf8")).toContain("--");
    expect((await migrate("status", ...at)).stdout).toMatch(/003_add_notes.sql +pending/);
    folder.write({ "003_add_notes.down.sql": "SELECT 1;", "003_add_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);" });
    expect(await migrate("verify", ...at)).toMatchObject({ code: 1, stderr: expect.stringContaining("003_add_notes") });
  });

  it("prints every result and every error as JSON", async () => {
    const { at, folder } = await database();
    expect(JSON.parse((await migrate("up", ...at, "--json")).stdout)).toMatchObject({
      applied: [{ file: "001_users.sql" }, { file: "002_names.sql" }],
    });
    folder.write({ "003_bad.sql": "SELECT 1;\nSELECT nothing_here;" });
    const { code, stdout, stderr } = await migrate("up", ...at, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "sql", exit: 1, file: "003_bad.sql", line: 2, column: 8, sqlstate: "42703" },
    });
    expect(stderr).toMatch(/^003_bad.sql:2:8: column "nothing_here" does not exist/);
  });

  it("creates files, adopts an existing database, and repairs the ledger with a reason", async () => {
    const { at, url, folder } = await database();
    expect((await migrate("new", "add notes", ...at)).stdout).toContain("003_add_notes.sql\n");
    expect((await migrate("up", ...at)).stderr).toContain(
      "003_add_notes.sql: The file is unchanged since `slipway migrate new` created it",
    );
    folder.write({ "003_add_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);", "003_add_notes.down.sql": "DROP TABLE notes;" });
    await server.sql("CREATE TABLE users (id bigint PRIMARY KEY, name text)", url.split("/").at(-1)!);
    expect(await migrate("up", ...at)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`slipway migrate baseline --dir ${folder.path} --applied 001_users.sql`),
    });
    expect(await migrate("baseline", ...at)).toMatchObject({ code: 2, stderr: expect.stringContaining("slipway does not guess") });
    expect(await migrate("baseline", ...at, "--applied", "001_users.sql")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("1 file marked as applied."),
    });
    expect((await migrate("up", ...at)).code).toBe(0);
    folder.write({ "001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(99));" });
    expect((await migrate("up", ...at)).code).toBe(2);
    expect((await migrate("status", ...at)).stdout).toMatch(/001_users.sql +edited[\s\S]*repair --dir \S+ --accept 001_users.sql/);
    expect((await migrate("repair", ...at, "--accept", "001_users.sql")).code).toBe(2);
    expect(await migrate("repair", ...at, "--accept", "001_users.sql", "--reason", "seen")).toMatchObject({
      code: 0,
      stdout: "001_users.sql: current text accepted",
    });
    expect((await migrate("up", ...at)).code).toBe(0);
  });

  it("lints without a database, knows what is new in git, and annotates in GitHub Actions", async () => {
    const { path: folder } = folderOf({ ...files });
    const git = (...argv: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...argv], { cwd: folder, stdio: "pipe" });
    git("init", "-q", "-b", "main");
    git("add", ".");
    git("commit", "-q", "-m", "first");
    expect(await migrate("lint", "--dir", folder)).toMatchObject({ code: 0, stdout: "No problems found." });
    git("switch", "-q", "-c", "topic");
    writeFileSync(path.join(folder, "003_more.sql"), "-- slipway: irreversible it is gone\nDROP TABLE users;\n");
    expect(await migrate("lint", "--dir", folder, "--since", "main")).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^003_more.sql:2:1: warning drop-table: Drops users with every row/),
    });
    git("add", ".");
    git("commit", "-q", "-m", "second");
    const { stdout } = await startSlipway(["migrate", "lint", "--dir", folder], { GITHUB_ACTIONS: "true", GITHUB_BASE_REF: "" });
    expect(stdout).toContain("No problems found.");
    const annotated = await startSlipway(["migrate", "lint", "--dir", folder, "--since", "main"], {
      GITHUB_ACTIONS: "true",
      NO_COLOR: "1",
    });
    expect(annotated.stdout).toMatch(
      new RegExp(`^::warning file=${folder}/003_more.sql,line=2,col=1,title=drop-table::Drops users with every row`),
    );
    expect(await migrate("lint", "--dir", folder, "--since", "HEAD")).toMatchObject({
      code: 0,
      stdout: `No file in ${folder} is new since HEAD.\nNo problems found.`,
    });
    expect((await migrate("lint", "--dir", folder, "--since", "nowhere")).stderr).toMatch(/Git does not know "nowhere"/);
  });

  it.each([
    [["up"], /Which files\? --system/],
    [["up", "--dir", "x"], /Which database\? --url/],
    [["up", "--system", `${systems[0]?.name}s`, "--url", "x"], new RegExp(`Did you mean ${systems[0]?.name}\\?`)],
    [["upp", "--dir", "x"], /no command "slipway migrate upp". Did you mean slipway migrate up\?/],
    [[], /needs a command: status, plan, up, down, verify, diagram, lint, new, baseline, repair\. See: slipway migrate --help/],
    [["status", "extra", "--dir", "x"], /slipway migrate status takes no arguments besides its flags/],
    [["new", "--dir", "x"], /slipway migrate new needs <name>/],
    [["down", "--dir", "x", "--url", "postgres://u@h/d"], /To confirm, add --yes/],
    [["down", "--dir", "x", "--steps", "two"], /--steps takes a whole number, 1 or more, not "two"/],
    [["down", "--dir", "x", "--steps", "0"], /--steps takes a whole number, 1 or more, not "0"/],
    [["up", "--dir", "x", "--url", "postgres://u@h/d", "--wait", "soon"], /--wait takes a duration/],
    [["repair", "--dir", "x", "--url", "postgres://u@h/d", "--rename", "a"], /--rename takes old=new/],
    [["repair", "--dir", "x", "--url", "postgres://u@h/d", "--again", "a:b"], /--again a:<n> takes a whole number, 1 or more, not "b"/],
    [["status", "--dir", "x", "--url", "postgres://u@h/d", "--ca", "/nowhere.pem"], /\/nowhere.pem cannot be read. Fetch it/],
    [["diagram", "--dir", "x", "--format", "png"], /--format takes mermaid or svg, not "png"/],
    [["diagram", "--dir", "x"], /Which server may hold the shadow database\? --shadow/],
    [["verify", "--dir", "x"], /Which server may hold the shadow database/],
  ])("%j exits with 2 and prints what to type", async (argv, message) => {
    expect(await migrate(...argv)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  it("every command that reads migrations refuses a folder without any, and names the folders that have some", async () => {
    const empty = folderOf({ "readme.txt": "" }).path;
    const { url } = await server.database();
    for (const verb of [["lint"], ["plan", "--url", url], ["up", "--url", url], ["status", "--url", url], ["verify", "--shadow", url]]) {
      expect(await migrate(...verb, "--dir", empty)).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringContaining(`There is no migration in ${empty}: no file such as 001_create_users.sql`),
      });
      const { code, stderr } = await migrate(...verb, "--dir", path.join(root, "sql"));
      expect([verb, code, stderr]).toEqual([verb, 2, expect.stringMatching(/^There is no migration in \S+sql\. .*--dir \S+sql\/\w+/)]);
    }
  });

  it("draws the tables of the files as mermaid or as an SVG file, without touching the database", async () => {
    const { at, folder, url } = await database();
    const drawn = await migrate("diagram", ...at);
    expect(drawn).toEqual({
      code: 0,
      stderr: "",
      stdout: ["erDiagram", "  users {", "    bigint id PK", "    text name", "  }"].join("\n"),
    });
    const file = path.join(folder.path, "tables.svg");
    expect(await migrate("diagram", "--dir", folder.path, "--shadow", url, "--format", "svg", "--out", file)).toMatchObject({
      code: 0,
      stdout: file,
    });
    expect(readFileSync(file, "utf8")).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [\s\S]*>id bigint PK<\/text>/);
    expect(JSON.parse((await migrate("diagram", ...at, "--json")).stdout)).toMatchObject({ tables: [{ name: "users" }] });
    const none = folderOf({ "001_f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;", "001_f.down.sql": "DROP FUNCTION f;" });
    expect(await migrate("diagram", "--dir", none.path, "--url", url)).toMatchObject({ code: 1, stdout: "The files create no table." });
    expect((await migrate("status", ...at)).stdout).toContain("no ledger yet");
  });

  it("as a process: reads DATABASE_URL, prints no password, and exits with 75 while another run holds the lock", async () => {
    const { url, folder } = await database({ "001_slow.sql": "SELECT pg_sleep(3);" });
    const secret = url.replace("postgres@", "postgres:hunter2@");
    const first = spawn(process.execPath, [launcher, "migrate", "up", "--dir", folder.path], {
      env: { ...process.env, DATABASE_URL: secret },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => first.once("exit", resolve));
    while ((await server.sql("SELECT FROM pg_locks WHERE locktype = 'advisory'")).length === 0)
      await new Promise((wake) => setTimeout(wake, 20));
    const second = await startSlipway(["migrate", "up", "--dir", folder.path, "--wait", "0"], { DATABASE_URL: secret });
    expect(second.code).toBe(75);
    expect(second.stderr).toMatch(/Another run holds the migration lock: slipway migrate .* \(pid \d+, postgres/);
    first.kill("SIGTERM");
    expect(await ended).toBe(1);
    const failing = await startSlipway(["migrate", "up", "--dir", folder.path], { DATABASE_URL: secret.replace(`:${server.port}`, ":1") });
    expect([failing.code, failing.stderr.includes("hunter2"), failing.stderr.includes("    at ")]).toEqual([1, false, false]);
  });
});
