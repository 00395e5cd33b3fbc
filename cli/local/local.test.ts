import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlatformStatus } from "../../local/platform/status.ts";
import { systems } from "../../systems/index.ts";
import { plainStyle } from "../shared/terminal.ts";
import { slipway } from "../testing/slipway.ts";
import { openProgress } from "./progress.ts";
import { describeProblems } from "./text.ts";

let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "slipway checkout "));
  writeFileSync(join(checkout, "Pulumi.yaml"), "name: shop\nruntime: nodejs\nmain: index.js\n");
  writeFileSync(join(checkout, "index.js"), "");
});
afterAll(() => rmSync(checkout, { recursive: true }));

const local = (...argv: string[]) => slipway(["local", ...argv, "--cwd", checkout]);

/** A system of this repository. */
const [system] = systems;
const name = system!.name;
const services = Object.values(system!.apps).flatMap(({ components }) => Object.keys(components));

describe("slipway local", () => {
  it.each([
    [[], 2, "slipway local needs a command: up, down, reset, status, env, logs, api."],
    [["upp"], 2, 'There is no command "slipway local upp". Did you mean slipway local up?'],
    [["up", "--json"], 2, "slipway local up has no flag --json."],
    [["down", "now"], 2, "slipway local down takes no arguments besides its flags."],
    [["up", "--systems", `${name},shop`], 2, `There is no system "shop". There are: ${systems.map((one) => one.name).join(", ")}.`],
    [["env"], 2, "Which system and service?"],
    [["env", name], 2, `Which service of ${name}? slipway local env ${name} <service>; services: ${services.join(", ")}`],
    [["env", name, "web"], 2, `${name} has no service "web". Services: ${services.join(", ")}.`],
    [["env", name, services[0]!, "--format", "yaml"], 2, '--format takes dotenv, shell, json or docker, not "yaml"'],
    [["env", name, services[0]!, "--format", "json", "--export"], 2, "--export is the same as --format shell. Give one of the two."],
    [["env", name, services[0]!], 1, "The local platform is not running. Start it: slipway local up"],
    [["logs", "--lines", "few"], 2, '--lines takes a whole number, 1 or more, not "few"'],
    [["logs", "--lines", "0"], 2, '--lines takes a whole number, 1 or more, not "0"'],
    [["logs", "nothing"], 2, 'No log has "nothing" in its name. There are: daemon'],
    [["api", "--source", "shop"], 2, '--source takes <app>=<directory> or <app>/<component>=<directory>, not "shop"'],
    [["up", "--source", "shop/migrate=/nowhere"], 2, "/nowhere is not a directory. Name the root of the app's repository."],
    [["api", "--timings", "slow"], 2, '--timings takes instant, real or seconds, not "slow"'],
    [["api", "--port", "http"], 2, '--port takes a whole number, from 1 to 65535, not "http"'],
    [["api", "--port", "0"], 2, '--port takes a whole number, from 1 to 65535, not "0"'],
  ])("%j exits with %i and prints what to type", async (argv, code, words) => {
    const { code: ended, stderr } = await local(...argv);
    expect([ended, stderr]).toEqual([code, expect.stringContaining(words)]);
  });

  it("down and reset do nothing where nothing is running", async () => {
    expect(await local("down")).toMatchObject({ code: 0, stdout: "Nothing was running." });
    expect(await local("reset")).toMatchObject({ code: 0, stdout: expect.stringContaining("Start again: npx slipway local up") });
  });

  it("logs finds the logs of apps that are not running", async () => {
    mkdirSync(join(checkout, ".slipway", "apps", "shop", "migrate"), { recursive: true });
    writeFileSync(join(checkout, ".slipway", "apps", "shop", "migrate", "log"), "applied 3 migrations\n");
    expect((await local("logs", "migrate")).stdout).toContain("applied 3 migrations");
  });

  it("status reports that nothing is running, as text and as JSON", async () => {
    expect(await local("status")).toMatchObject({ code: 1, stderr: expect.stringContaining("Start it: slipway local up") });
    expect(JSON.parse((await local("status", "--json")).stdout)).toEqual({ servers: [], apps: [] });
  });
});

it("names each unhealthy server and component, and its log", () => {
  const status: PlatformStatus = {
    daemon: { pid: 1, api: "http://127.0.0.1:4010", page: "http://127.0.0.1:4009" },
    servers: [{ cluster: "shared", kind: "postgres", log: "/a/log" }],
    apps: [
      {
        app: "shop",
        url: "http://127.0.0.1:4100",
        leads: [],
        components: [
          { name: "api", kind: "service", health: "503 degraded", log: "/b/log" },
          { name: "web", kind: "static_site" },
        ],
      },
    ],
  };
  expect(describeProblems(status)).toEqual([
    "Postgres of shared is not running. Its log: /a/log",
    "shop api: 503 degraded\n  its log: /b/log",
  ]);
});

describe("progress", () => {
  const event = { urn: "u", type: "digitalocean:index/app:App", name: "shop", change: "update", changedInputs: ["spec"] } as const;
  function run(isTTY: boolean) {
    const [drawn, logged]: [string[], string[]] = [[], []];
    const stream = { isTTY, write: (text: string) => drawn.push(text) } as unknown as NodeJS.WriteStream;
    const line = openProgress({ print: () => {}, log: (text) => logged.push(text), columns: 70, style: plainStyle }, stream);
    line.fetch({ what: "packages", bytes: 1_100_000, of: 2_000_000 });
    line.fetch({ what: "packages", bytes: 2_000_000, of: 2_000_000 });
    line.stage("making it as declared");
    line.event({ ...event, phase: "begin" });
    line.event({ ...event, phase: "done" });
    line.event({ ...event, change: "same", phase: "done" });
    line.end();
    return { drawn, logged };
  }

  it("is one line that is rewritten on a terminal, cut at its edge and erased at the end", () => {
    const { drawn, logged } = run(true);
    expect(logged).toEqual([]);
    expect(drawn.every((text) => text.replace("\r\x1b[2K", "").length < 70)).toBe(true);
    expect(drawn[0]).toContain("packages, 1.1 of 2.0 MB");
    expect(drawn.at(-1)).toBe("\r\x1b[2K");
  });

  it("is a line for each change elsewhere, and none for unchanged resources", () => {
    expect(run(false)).toEqual({
      drawn: [],
      logged: ["downloading Valkey and PgBouncer, once for this machine", "updated  App shop (spec)"],
    });
  });
});
