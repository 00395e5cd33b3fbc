import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlatformStatus } from "../../local/platform/status.ts";
import { main } from "../main.ts";
import { plainStyle, type Terminal } from "../shared/terminal.ts";
import { progressOn } from "./progress.ts";
import { problems } from "./text.ts";

let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "slipway checkout "));
  writeFileSync(join(checkout, "Pulumi.yaml"), "name: shop\nruntime: nodejs\nmain: index.js\n");
  writeFileSync(join(checkout, "index.js"), "");
});
afterAll(() => rmSync(checkout, { recursive: true }));

async function typed(...argv: string[]) {
  const [printed, said]: [string[], string[]] = [[], []];
  const io: Terminal = { print: (text) => printed.push(text), say: (text) => said.push(text), columns: 80, style: plainStyle };
  const code = await main(["local", ...argv, "--cwd", checkout], io);
  return { code, printed: printed.join("\n"), said: said.join("\n") };
}

describe("slipway local", () => {
  it.each([
    [[], 2, "What of the local platform? slipway local up|down|reset|status|env|logs|api."],
    [["upp"], 2, 'There is no "slipway local upp". Did you mean slipway local up?'],
    [["up", "--json"], 2, "slipway local up has no flag --json."],
    [["down", "now"], 2, 'slipway local down does not know what to do with "now".'],
    [["up", "--systems", "devx,shop"], 2, 'There is no system "shop". There are: fluxstudio, devx, candlefish.'],
    [["env"], 2, "Which system, and which service?"],
    [["env", "devx"], 2, "Which service of devx? slipway local env devx <service>; services: api"],
    [["env", "devx", "web"], 2, 'devx has no service "web". It has: api.'],
    [["env", "devx", "api", "--format", "yaml"], 2, '--format takes dotenv, shell, json, docker, not "yaml"'],
    [["env", "devx", "api", "--format", "json", "--export"], 2, "--export is --format shell. Give one of the two."],
    [["env", "devx", "api"], 1, "The local platform does not run. Start it: slipway local up"],
    [["logs", "--lines", "few"], 2, '--lines takes a whole number, 1 or more, not "few"'],
    [["logs", "--lines", "0"], 2, '--lines takes a whole number, 1 or more, not "0"'],
    [["logs", "nothing"], 2, 'No log has "nothing" in its name. There are: daemon'],
    [["api", "--source", "shop"], 2, '--source takes <app>=<directory> or <app>/<component>=<directory>, not "shop"'],
    [["up", "--source", "shop/migrate=/nowhere"], 2, "/nowhere is not a directory. Name the root of the app's repository."],
    [["api", "--timings", "slow"], 2, '--timings takes instant, real or seconds, not "slow"'],
    [["api", "--port", "http"], 2, '--port takes a whole number, from 1 to 65535, not "http"'],
    [["api", "--port", "0"], 2, '--port takes a whole number, from 1 to 65535, not "0"'],
  ])("%j ends with %i and says what to type", async (argv, code, words) => {
    const { code: ended, said } = await typed(...argv);
    expect([ended, said]).toEqual([code, expect.stringContaining(words)]);
  });

  it("down and reset have nothing to do where nothing runs", async () => {
    expect(await typed("down")).toMatchObject({ code: 0, printed: "Nothing was running." });
    expect(await typed("reset")).toMatchObject({ code: 0, printed: expect.stringContaining("Start anew: npx slipway local up") });
  });

  it("logs finds what an app left on the disk", async () => {
    mkdirSync(join(checkout, ".slipway", "apps", "shop", "migrate"), { recursive: true });
    writeFileSync(join(checkout, ".slipway", "apps", "shop", "migrate", "log"), "applied 3 migrations\n");
    expect((await typed("logs", "migrate")).printed).toContain("applied 3 migrations");
  });

  it("status says that nothing runs, to a person and to a machine", async () => {
    expect(await typed("status")).toMatchObject({ code: 1, said: expect.stringContaining("Start it: slipway local up") });
    expect(JSON.parse((await typed("status", "--json")).printed)).toEqual({ servers: [], apps: [] });
  });

  it("fits 80 columns in its help", async () => {
    const { printed } = await typed("--help");
    expect(printed.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

it("names each thing that is not well, and where its log is", () => {
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
  expect(problems(status)).toEqual(["Postgres of shared does not run. Its log: /a/log", "shop api: 503 degraded\n  its log: /b/log"]);
});

describe("progress", () => {
  const event = { urn: "u", type: "digitalocean:index/app:App", name: "shop", change: "update", changedInputs: ["spec"] } as const;
  function shown(isTTY: boolean) {
    const [drawn, said]: [string[], string[]] = [[], []];
    const stream = { isTTY, write: (text: string) => drawn.push(text) } as unknown as NodeJS.WriteStream;
    const line = progressOn({ print: () => {}, say: (text) => said.push(text), columns: 70, style: plainStyle }, stream);
    line.fetch({ what: "packages", bytes: 1_100_000, of: 2_000_000 });
    line.fetch({ what: "packages", bytes: 2_000_000, of: 2_000_000 });
    line.stage("making it as declared");
    line.event({ ...event, phase: "begin" });
    line.event({ ...event, phase: "done" });
    line.event({ ...event, change: "same", phase: "done" });
    line.end();
    return { drawn, said };
  }

  it("is one changing line for a person, cut at the edge and gone at the end", () => {
    const { drawn, said } = shown(true);
    expect(said).toEqual([]);
    expect(drawn.every((text) => text.replace("\r\x1b[2K", "").length < 70)).toBe(true);
    expect(drawn[0]).toContain("packages, 1.1 of 2.0 MB");
    expect(drawn.at(-1)).toBe("\r\x1b[2K");
  });

  it("is a line for each change elsewhere, and none for what stays", () => {
    expect(shown(false)).toEqual({ drawn: [], said: ["fetching Valkey and PgBouncer, once on this machine", "changed  App shop (spec)"] });
  });
});
