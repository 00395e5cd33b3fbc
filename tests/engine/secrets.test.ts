import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { type Ran, REPOS, type Stack, startStack } from "./stack.ts";

const SLIPWAY = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:systems": ["fluxstudio"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:verify": "off",
  "slipway:backups": { enabled: false },
  "slipway:postgres": { layout: "dedicated", version: "15", size: "db-s-1vcpu-2gb", nodes: 1 },
};
const OLD = "an old client secret";
const NEW = "a new client secret";

describeWithPulumi("the rotation of secrets of a stack of Pulumi", (cli) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack(cli, config);
    await stack.succeed("config", "set", "--path", "slipway:fluxstudio.features[0]", "google");
    await stack.succeed("config", "set", "slipway:fluxstudioGoogleClientId", "an id");
    await stack.succeed("config", "set", "--secret", "slipway:fluxstudioGoogleClientSecret", OLD);
    await stack.succeed("up", "--yes", "--skip-preview");
  });
  afterAll(() => stack?.remove());

  async function rotate(input: string, ...more: string[]): Promise<Ran> {
    const child = spawn(process.execPath, [SLIPWAY, "rotate", "secrets", "--stack", "test", "--system", "fluxstudio", ...more], {
      cwd: stack.program,
      env: stack.environment,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number];
    return { code, output };
  }

  interface App {
    readonly id: string;
    readonly active_deployment: {
      readonly spec: { readonly services: readonly { readonly envs: readonly { key: string; value: string }[] }[] };
    };
  }

  /** As the running instances see it. */
  async function secretOf(variable: string): Promise<string | undefined> {
    const { apps } = (await stack.get("/v2/apps")) as unknown as { apps: App[] };
    const found = apps.flatMap(({ id, active_deployment: { spec } }) =>
      spec.services.flatMap(({ envs }) => envs.filter(({ key }) => key === variable).map(({ value }) => stack.decrypt(id, value))),
    );
    return found[0];
  }

  it("prints what it would replace, and changes nothing without --yes", async () => {
    const before = readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8");
    expect(await rotate("")).toEqual({ code: 0, output: expect.stringContaining("Replaces jwtSecret of FluxStudio") });
    expect(readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).toBe(before);
  });

  it("gives the apps new generated secrets and leaves the others, and the next preview has no change", async () => {
    const before = await secretOf("JWT_SECRET");
    const { code, output } = await rotate("", "--yes");
    expect(code, output).toBe(0);
    expect(output).toContain("The apps run with a new value of jwtSecret.");
    const after = await secretOf("JWT_SECRET");
    expect([before?.length, after?.length, after === before]).toEqual([48, 48, false]);
    expect(await secretOf("GOOGLE_CLIENT_SECRET")).toBe(OLD);
    await stack.succeed("preview", "--expect-no-changes");
    // The same day: the rotation is done, and is not begun again.
    expect((await rotate("", "--yes")).output).toContain("The change is written already");
    expect(await secretOf("JWT_SECRET")).toBe(after);
  });

  it("gives the apps the new value of an operator's secret, which no output and no file shows", async () => {
    const { code, output } = await rotate(`${NEW}\n`, "--name", "googleClientSecret", "--yes");
    expect(code, output).toBe(0);
    expect(output).toContain("Delete the old value of googleClientSecret where it comes from.");
    expect(output + readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).not.toContain(NEW);
    expect(await secretOf("GOOGLE_CLIENT_SECRET")).toBe(NEW);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is refused for an empty value, and while the program has changes that are not deployed", async () => {
    expect(await rotate("\n", "--name", "googleClientSecret", "--yes")).toEqual({ code: 2, output: expect.stringContaining("is empty") });
    await stack.succeed("config", "set", "--path", 'slipway:fluxstudio.connections["api/DB_POOL_MAX"]', "20");
    const refused = await rotate("", "--yes", "--name", "googleClientSecret");
    expect(refused.code).toBe(2);
    const changed = await rotate("another", "--yes", "--name", "googleClientSecret");
    expect(changed).toEqual({ code: 1, output: expect.stringContaining("has changes that are not deployed") });
    expect(await secretOf("GOOGLE_CLIENT_SECRET")).toBe(NEW);
  });
});
