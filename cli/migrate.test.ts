import { execFile, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../postdeploy/migrate/testing/folder.ts";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { main } from "./main.ts";
import { plainStyle, type Terminal } from "./terminal.ts";

const root = path.join(import.meta.dirname, "..");
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

async function typed(...argv: string[]) {
  const shown: string[] = [];
  const said: string[] = [];
  const io: Terminal = { print: (text) => shown.push(text), say: (text) => said.push(text), columns: 80, style: plainStyle };
  const code = await main(["migrate", ...argv], io);
  return { code, shown: shown.join("\n"), said: said.join("\n") };
}

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
  it("tells where things stand, what would come, applies it, and takes it back [D20]", async () => {
    const { at } = await database();
    expect(await typed("status", ...at)).toMatchObject({
      code: 1,
      shown: expect.stringMatching(/no ledger yet\n {2}001_users.sql {2}pending\n {2}002_names.sql {2}pending\n\n2 pending\./),
    });
    expect(await typed("up", ...at, "--to", "001_users.sql")).toMatchObject({
      code: 0,
      shown: "1 file applied.",
      said: expect.stringMatching(/^\[1\/1\] 001_users.sql {2}\d+ ms$/),
    });
    expect((await typed("plan", ...at)).shown).toMatch(
      /002_names.sql {2}2 statements; can be taken back\n {2}users \(16 kB, about 0 rows\): ACCESS EXCLUSIVE, keeps reads and writes waiting, reads every row line 1\n[\s\S]*warning set-not-null[\s\S]*warning index-blocks-writes/,
    );
    expect(await typed("up", ...at)).toMatchObject({ code: 0, shown: "1 file applied." });
    expect(await typed("up", ...at)).toMatchObject({ code: 0, shown: "Nothing is pending.", said: "" });
    expect((await typed("status", ...at)).code).toBe(0);
    expect(await typed("down", ...at, "--yes")).toMatchObject({ code: 0, shown: "1 file taken back: 002_names.sql" });
    expect(await typed("verify", ...at)).toMatchObject({
      code: 0,
      shown: expect.stringMatching(/001_users.sql {2}up, down, up: equal[\s\S]*All equal\./),
    });
  });

  it("gives every result as JSON, and a failure too", async () => {
    const { at, folder } = await database();
    expect(JSON.parse((await typed("up", ...at, "--json")).shown)).toMatchObject({
      applied: [{ file: "001_users.sql" }, { file: "002_names.sql" }],
    });
    folder.write({ "003_bad.sql": "SELECT 1;\nSELECT nothing_here;" });
    const { code, shown, said } = await typed("up", ...at, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(shown)).toMatchObject({
      error: { code: "sql", exit: 1, file: "003_bad.sql", line: 2, column: 8, sqlstate: "42703" },
    });
    expect(said).toMatch(/^003_bad.sql:2:8: column "nothing_here" does not exist/);
  });

  it("writes new files, adopts what is there, and repairs with a reason", async () => {
    const { at, url, folder } = await database();
    expect((await typed("new", "add notes", ...at)).shown).toContain("003_add_notes.sql\n");
    expect((await typed("up", ...at)).said).toContain("003_add_notes.sql: The file is unchanged since `slipway migrate new` created it");
    folder.write({ "003_add_notes.sql": "CREATE TABLE notes (id bigint PRIMARY KEY);", "003_add_notes.down.sql": "DROP TABLE notes;" });
    await server.sql("CREATE TABLE users (id bigint PRIMARY KEY, name text)", url.split("/").at(-1)!);
    expect(await typed("up", ...at)).toMatchObject({
      code: 2,
      said: expect.stringContaining(`slipway migrate baseline --dir ${folder.path} --applied 001_users.sql`),
    });
    expect(await typed("baseline", ...at)).toMatchObject({ code: 2, said: expect.stringContaining("slipway does not guess") });
    expect(await typed("baseline", ...at, "--applied", "001_users.sql")).toMatchObject({
      code: 0,
      shown: expect.stringContaining("1 file counts as applied."),
    });
    expect((await typed("up", ...at)).code).toBe(0);
    folder.write({ "001_users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(99));" });
    expect((await typed("up", ...at)).code).toBe(2);
    expect((await typed("status", ...at)).shown).toMatch(/001_users.sql +edited[\s\S]*repair --dir \S+ --accept 001_users.sql/);
    expect((await typed("repair", ...at, "--accept", "001_users.sql")).code).toBe(2);
    expect(await typed("repair", ...at, "--accept", "001_users.sql", "--reason", "seen")).toMatchObject({
      code: 0,
      shown: "001_users.sql: current text accepted",
    });
    expect((await typed("up", ...at)).code).toBe(0);
  });

  it("lints without a database, by what is new in git, and annotates in GitHub Actions", async () => {
    const { path: folder } = folderOf({ ...files });
    const git = (...argv: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...argv], { cwd: folder, stdio: "pipe" });
    git("init", "-q", "-b", "main");
    git("add", ".");
    git("commit", "-q", "-m", "first");
    expect(await typed("lint", "--dir", folder)).toMatchObject({ code: 0, shown: "Nothing to object to." });
    git("switch", "-q", "-c", "topic");
    writeFileSync(path.join(folder, "003_more.sql"), "-- slipway: irreversible it is gone\nDROP TABLE users;\n");
    expect(await typed("lint", "--dir", folder, "--since", "main")).toMatchObject({
      code: 1,
      shown: expect.stringMatching(/^003_more.sql:2:1: warning drop-table: Drops users with every row/),
    });
    git("add", ".");
    git("commit", "-q", "-m", "second");
    const { stdout } = await started(["lint", "--dir", folder], { GITHUB_ACTIONS: "true", GITHUB_BASE_REF: "" });
    expect(stdout).toContain("Nothing to object to.");
    const annotated = await started(["lint", "--dir", folder, "--since", "main"], { GITHUB_ACTIONS: "true", NO_COLOR: "1" });
    expect(annotated.stdout).toMatch(
      new RegExp(`^::warning file=${folder}/003_more.sql,line=2,col=1,title=drop-table::Drops users with every row`),
    );
    expect(await typed("lint", "--dir", folder, "--since", "HEAD")).toMatchObject({
      code: 0,
      shown: `No file in ${folder} is new since HEAD.\nNothing to object to.`,
    });
    expect((await typed("lint", "--dir", folder, "--since", "nowhere")).said).toMatch(/Git does not know "nowhere"/);
  });

  it.each([
    [["up"], /Which files\? --system/],
    [["up", "--dir", "x"], /Which database\? --url/],
    [["up", "--system", "fluxstudo", "--url", "x"], /Did you mean fluxstudio\?/],
    [["upp", "--dir", "x"], /no "slipway migrate upp". Did you mean up\?/],
    [[], /Which verb\?/],
    [["status", "extra", "--dir", "x"], /does not know what to do with "extra"/],
    [["new", "--dir", "x"], /What does it do\?/],
    [["down", "--dir", "x", "--url", "postgres://u@h/d"], /Say that it is meant: --yes/],
    [["down", "--dir", "x", "--steps", "two"], /--steps takes a whole number, 1 or more, not "two"/],
    [["down", "--dir", "x", "--steps", "0"], /--steps takes a whole number, 1 or more, not "0"/],
    [["up", "--dir", "x", "--url", "postgres://u@h/d", "--wait", "soon"], /--wait takes a duration/],
    [["repair", "--dir", "x", "--url", "postgres://u@h/d", "--rename", "a"], /--rename takes old=new/],
    [["repair", "--dir", "x", "--url", "postgres://u@h/d", "--again", "a:b"], /--again a:<n> takes a whole number, 1 or more, not "b"/],
    [["status", "--dir", "x", "--url", "postgres://u@h/d", "--ca", "/nowhere.pem"], /\/nowhere.pem cannot be read. Fetch it/],
    [["verify", "--dir", "x"], /Where may a shadow database be made/],
  ])("helps along whoever types %j", async (argv, message) => {
    expect(await typed(...argv)).toMatchObject({ code: 2, said: expect.stringMatching(message) });
  });

  it("refuses a folder without migrations in every verb that reads some, and names it and those that have some", async () => {
    const empty = folderOf({ "readme.txt": "" }).path;
    const { url } = await server.database();
    for (const verb of [["lint"], ["plan", "--url", url], ["up", "--url", url], ["status", "--url", url], ["verify", "--shadow", url]]) {
      expect(await typed(...verb, "--dir", empty)).toMatchObject({
        code: 2,
        shown: "",
        said: expect.stringContaining(`There is no migration in ${empty}: no file such as 001_create_users.sql`),
      });
      const { code, said } = await typed(...verb, "--dir", path.join(root, "sql"));
      expect([verb, code, said]).toEqual([verb, 2, expect.stringMatching(/^There is no migration in \S+sql\. .*--dir \S+sql\/devx/)]);
    }
  });

  it("as a process: reads DATABASE_URL, keeps the password to itself, and ends with 75 when another run goes on", async () => {
    const { url, folder } = await database({ "001_slow.sql": "SELECT pg_sleep(3);" });
    const secret = url.replace("postgres@", "postgres:hunter2@");
    const first = spawn(process.execPath, [path.join(root, "bin/slipway.js"), "migrate", "up", "--dir", folder.path], {
      env: { ...process.env, DATABASE_URL: secret },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => first.once("exit", resolve));
    while ((await server.sql("SELECT FROM pg_locks WHERE locktype = 'advisory'")).length === 0)
      await new Promise((wake) => setTimeout(wake, 20));
    const second = await started(["up", "--dir", folder.path, "--wait", "0"], { DATABASE_URL: secret });
    expect(second.code).toBe(75);
    expect(second.stderr).toMatch(/Another run holds the migration lock: slipway migrate .* \(pid \d+, postgres/);
    first.kill("SIGTERM");
    expect(await ended).toBe(1);
    const failing = await started(["up", "--dir", folder.path], { DATABASE_URL: secret.replace(`:${server.port}`, ":1") });
    expect([failing.code, failing.stderr.includes("hunter2"), failing.stderr.includes("    at ")]).toEqual([1, false, false]);
  });
});

async function started(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const run = promisify(execFile)(process.execPath, [path.join(root, "bin/slipway.js"), "migrate", ...argv], {
    env: { ...process.env, ...env },
  });
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  return { code: run.child.exitCode, stdout, stderr };
}
