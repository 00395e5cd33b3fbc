/**
 * Deployments that are interrupted at a random moment, and whether `slipway recover` and one `up` make them whole. Each cycle creates a stack,
 * changes it twice and destroys it; each of the four runs is interrupted once. `npm run soak -- interruptions` runs twenty cycles.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { isRunning, listDescendants } from "../processes.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Ran, REPOS, startStack } from "./stack.ts";

const CYCLES = Number(process.env.SLIPWAY_CYCLES ?? 1);
const FIRST_SEED = Number(process.env.SLIPWAY_SEED ?? Date.now() % 100_000);

const CONFIG = {
  "slipway:environment": "staging",
  "slipway:systems": ["fluxstudio"],
  "slipway:region": "nyc1",
  "slipway:protect": "false",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:backups": { enabled: false },
  "slipway:postgres": { layout: "dedicated", version: "15", size: "db-s-1vcpu-2gb", nodes: 1 },
  ...REPOS,
};

/** What a run changes in a whole stack. */
const CHANGES: readonly (readonly string[])[] = [
  ["slipway:rotated", "2026-11-01"],
  ["slipway:rotated", "2026-11-02"],
  ["--path", "slipway:postgres.size", "db-s-2vcpu-4gb"],
  ["--path", 'slipway:fluxstudio.connections["api/DB_POOL_MAX"]', "20"],
  ["--path", "slipway:allowedSources[0]", "8.8.4.4"],
];

/** The provider retries nothing in these tests, so each of these ends the run. */
const FAULTS = [
  { drop: "before-commit" },
  { drop: "after-commit" },
  { reply: "empty" },
  { reply: "half" },
  { answer: 429 },
  { answer: 500 },
] as const;

/** Which process is killed, by its command line; "" is Pulumi's CLI itself. */
const VICTIMS = ["", "", "pulumi-resource-digitalocean", "@pulumi/pulumi/cmd/run/index.js"];

/** Requests of a whole run; a later moment interrupts nothing, which is a case as well. */
const REQUESTS = { up: 28, change: 8, destroy: 10 };

/** Mulberry32: the same cases for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describeWithPulumi("an interrupted deployment", (cli) => {
  const seeds = Array.from({ length: CYCLES }, (_, index) => FIRST_SEED + index);
  const title = "is whole after slipway recover and one up, and destroyed after one more destroy (seed %i)";
  it.concurrent.each(seeds)(title, { timeout: 1_800_000 }, async (seed) => {
    const random = randomOf(seed);
    const stack = await startStack(cli, CONFIG);
    const story: string[] = [];
    const outputs: string[] = [];
    try {
      await interrupt("up", ["up", "--yes", "--skip-preview"]);
      await converge();
      for (let round = 0; round < 2; round++) {
        const change = CHANGES[random(CHANGES.length)]!;
        story.push(`config set ${change.join(" ")}`);
        await succeed("config", "set", ...change);
        await interrupt("change", ["up", "--yes", "--skip-preview"]);
        await converge();
      }
      await interrupt("destroy", ["destroy", "--yes", "--skip-preview"]);
      await recover();
      await succeed("destroy", "--yes", "--skip-preview");
      for (const [path, key] of Object.entries({ vpcs: "vpcs", databases: "databases", apps: "apps", "uptime/checks": "checks" }))
        expect((await stack.get(`/v2/${path}`))[key], `${path} after ${story.join("; ")}`).toEqual([]);
    } catch (error) {
      throw new Error(`seed ${seed}: ${story.join("; ")}\n${(error as Error).message}`, { cause: error });
    } finally {
      await stack.remove();
    }

    /** Runs a command and interrupts it once, by a signal or by a fault, after a random number of requests. */
    async function interrupt(kind: keyof typeof REQUESTS, args: string[]): Promise<void> {
      const moment = random(REQUESTS[kind]);
      const isKill = random(2) === 0;
      const victim = VICTIMS[random(VICTIMS.length)]!;
      const fault = FAULTS[random(FAULTS.length)]!;
      story.push(`${args[0]}, ${isKill ? `kill ${victim || "pulumi"}` : JSON.stringify(fault)} after ${moment} requests`);
      if (!isKill) stack.faults.add({ match: "*", ...(moment > 0 && { after: moment }), times: 1, fault });
      const run = stack.start(...args);
      const cli = run.process.pid!;
      const family = new Map<number, string>();
      let count = 0;
      stack.onRequest = () => {
        for (const { pid, command } of listDescendants(cli)) family.set(pid, command);
        if (count++ !== moment || !isKill) return;
        const pids = victim === "" ? [cli] : [...family].flatMap(([pid, command]) => (command.includes(victim) ? [pid] : []));
        for (const pid of pids) if (isRunning(pid)) process.kill(pid, "SIGKILL");
      };
      outputs.push((await run.ended).output);
      stack.onRequest = () => {};
      stack.faults.clear();
      // Pulumi's plugins outlive a CLI that is killed, and so does the process of a post-deploy step to which no step was given yet. The program ends.
      const remaining = () => [...family].filter(([pid]) => isRunning(pid));
      const isProgram = ([, command]: [number, string]) => command.includes("@pulumi/pulumi/cmd/run/");
      for (const until = Date.now() + 120_000; remaining().some(isProgram) && Date.now() < until; ) await sleep(100);
      expect(remaining().filter(isProgram), story.join("; ")).toEqual([]);
      for (const [pid] of remaining()) process.kill(pid, "SIGKILL");
    }

    async function recover(): Promise<Ran> {
      const done = await stack.slipway("recover", "--stack", "test", "--yes");
      outputs.push(done.output);
      story.push("recover");
      expect(done.code, done.output).toBe(0);
      return done;
    }

    async function converge(): Promise<void> {
      await recover();
      await succeed("up", "--yes", "--skip-preview");
      await succeed("preview", "--expect-no-changes");
      await findNoPassword();
    }

    async function succeed(...args: string[]): Promise<void> {
      const { code, output } = await stack.pulumi(...args);
      outputs.push(output);
      story.push(args[0]!);
      expect(code, output).toBe(0);
    }

    /** Every password that the API knows is looked for in the state and in all that was printed. */
    async function findNoPassword(): Promise<void> {
      const { databases } = (await stack.get("/v2/databases")) as {
        databases: { connection: { password: string }; users?: { password?: string }[] }[];
      };
      const passwords = databases.flatMap(({ connection, users = [] }) => [connection.password, ...users.map(({ password }) => password)]);
      const known = passwords.filter((password) => password !== undefined && password !== "");
      expect(known.length).toBeGreaterThan(0);
      const texts = [stack.stateText(), ...outputs];
      expect(known.filter((password) => texts.some((text) => text.includes(password!)))).toEqual([]);
    }
  });
});
