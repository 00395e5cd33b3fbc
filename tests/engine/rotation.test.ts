import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { isRunning } from "../processes.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Ran, REPOS, type Stack, startStack } from "./stack.ts";

const config = {
  ...REPOS,
  "slipway:environment": "local",
  "slipway:systems": ["candlefish"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "single", version: "8" },
};

const SLIPWAY = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));

/** Pulumi's engine and the real provider, with a pool, a protected stack, and a real Postgres behind the API. */
describeWithPulumi("a rotation of a stack of Pulumi", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, { backing: { ...recordOnly, ...servers }, copied: ["sql"] });
    await stack.succeed("up", "--yes", "--skip-preview");
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  const rotate = (...more: string[]): Promise<Ran> =>
    stack.slipway("rotate", "run", "--stack", "test", "--system", "candlefish", "--idle", "1", ...more);
  const credentials = () => parse(readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).config["slipway:candlefish"].credentials;
  const writes = (requests: readonly string[]) => requests.filter((request) => !request.startsWith("GET"));

  it("is refused while the program has changes that are not deployed, and changes nothing", async () => {
    await stack.succeed("config", "set", "--path", "slipway:candlefish.connections.candlefish_collaboration", "9");
    const before = readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8");
    stack.requests();
    const { code, output } = await rotate();
    expect([code, output]).toEqual([1, expect.stringContaining("has changes that are not deployed, and a rotation would deploy them too")]);
    expect(writes(stack.requests())).toEqual([]);
    expect(readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).toBe(before);
    await stack.succeed("config", "rm", "--path", "slipway:candlefish.connections");
  });

  it("switches the apps with an up, keeps the pool, and leaves a preview without a change", async () => {
    stack.requests();
    const { code, output } = await rotate();
    expect(code, output).toBe(0);
    expect(output).toContain("The old password of candlefish is refused at candlefish_collaboration, pool candlefish_collaboration.");
    const requests = writes(stack.requests());
    expect(requests.filter((request) => /^(DELETE|POST) .*\/pools/.test(request))).toEqual([]);
    expect(requests.filter((request) => /^PUT \/v2\/apps\//.test(request))).toHaveLength(3);
    expect(requests.filter((request) => request.endsWith("/users/candlefish/reset_auth 200"))).toHaveLength(1);
    expect(credentials()).toEqual({ runtime: { active: "b", since: new Date().toISOString().slice(0, 10) } });
    await stack.succeed("preview", "--expect-no-changes");
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("goes back to the first user with the next rotation, without a change of the pool", async () => {
    stack.requests();
    const { code, output } = await rotate();
    expect(code, output).toBe(0);
    expect(writes(stack.requests()).filter((request) => request.includes("/pools"))).toEqual([]);
    expect(credentials().runtime.active).toBe("a");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it.each([
    ["the other user of a role is created", "backup", /^POST \/v2\/databases\/[^/]+\/users 201/, "group"],
    ["the first app is deployed", "runtime", /^PUT \/v2\/apps\//, "group"],
    ["the first app is deployed, and Pulumi goes on", "runtime", /^PUT \/v2\/apps\//, "slipway"],
    ["the old password is replaced", "runtime", /reset_auth 200$/, "group"],
  ] as const)("continues after a kill at the moment when %s", async (_, role, moment, what) => {
    const before = credentials()[role]?.active ?? "a";
    expect(await killAt(role, moment, what)).toBe("SIGKILL");
    await finish(role);
    expect(credentials()[role]).toEqual({ active: before === "a" ? "b" : "a", since: new Date().toISOString().slice(0, 10) });
    await stack.succeed("preview", "--expect-no-changes");
    expect((await stack.slipway("drift", "--stack", "test", "--database")).output).toContain("the roles are as declared");
  });

  /** @param what the command alone, or with the programs that it has started. @returns the signal that ended it */
  async function killAt(role: string, moment: RegExp, what: "group" | "slipway"): Promise<NodeJS.Signals | null> {
    const args = ["rotate", "run", "--stack", "test", "--system", "candlefish", "--idle", "1", "--role", role];
    const rotator = spawn(process.execPath, [SLIPWAY, ...args], {
      ...{ cwd: stack.program, env: stack.environment, stdio: "ignore", detached: true },
    });
    const ended = once(rotator, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    let isKilled = false;
    stack.onRequest = (request) => {
      if (isKilled || !moment.test(request)) return;
      isKilled = true;
      process.kill(what === "group" ? -rotator.pid! : rotator.pid!, "SIGKILL");
    };
    const [, signal] = await ended;
    stack.onRequest = () => {};
    return signal;
  }

  /** Types the same command again, and what it says, until it has ended the rotation. */
  async function finish(role: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { code, output } = await rotate("--role", role);
      if (code === 0) return;
      expect(attempt, output).toBeLessThan(20);
      const [, file] = /\n {2}rm '?([^'\n]+)'?/.exec(output) ?? [];
      if (file !== undefined) rmSync(file);
      else if (/slipway recover /.test(output)) {
        const recovered = await stack.slipway("recover", "--stack", "test", "--yes");
        expect(recovered.code, recovered.output).toBe(0);
      } else {
        const [, pid] = /is locked by process (\d+)/.exec(output) ?? [];
        expect(pid, output).toBeDefined();
        if (isRunning(Number(pid))) await sleep(2000);
        else await stack.succeed("cancel", "--yes", "-s", "test");
      }
    }
  }

  it("of the owner lets later migrations run as the other user, whose objects belong to the owner", async () => {
    const { code, output } = await rotate("--role", "owner");
    expect(code, output).toBe(0);
    writeFileSync(join(stack.program, "sql", "candlefish", "900_notes.sql"), "CREATE TABLE rotation_notes (id int);\n");
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("preview", "--expect-no-changes");
    expect((await stack.slipway("drift", "--stack", "test", "--database")).output).toContain("the roles are as declared");
  });
});
