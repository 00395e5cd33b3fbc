import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { appChanges } from "../../preview/app-changes.ts";
import { readEvents } from "../../preview/events.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const config = {
  "slipway:environment": "staging",
  "slipway:region": "nyc1",
  "slipway:protect": "false",
  "slipway:systems": ["fluxstudio"],
  "slipway:fluxstudio": { ...REPOS["slipway:fluxstudio"], features: ["collaboration", "google"] },
  "slipway:fluxstudioGoogleClientId": "client-1",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:backups": { enabled: false },
};

/** A change is shown where it is readable: in the component of the app. The spec below it has the same places and no value. */
describeWithPulumi("a preview of Pulumi's engine", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    process.env.PULUMI_DEBUG_COMMANDS = "true";
    stack = await startStack(cli, config);
    await stack.succeed("config", "set", "--secret", "slipway:fluxstudioGoogleClientSecret", "very-secret-google-1");
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });
  afterAll(() => stack?.remove());

  /** The preview with one change, and what the event log says about it. */
  async function previewOf(changes: Readonly<Record<string, string>>, ...more: string[]) {
    for (const [key, value] of Object.entries(changes)) await stack.succeed("config", "set", "--path", ...more, key, value);
    const log = join(stack.program, "..", "events.ndjson");
    const text = await stack.succeed("preview", "--diff", "--event-log", log);
    const events = readFileSync(log, "utf8");
    for (const output of [text, events]) expect(output).not.toContain("very-secret");
    return { text, apps: appChanges(readEvents(events, log).get("test")!.steps) };
  }
  /** One after another: each command reads the stack's file and writes the whole of it, so two at once lose a removal. */
  async function restore(...keys: string[]): Promise<void> {
    for (const key of keys) await stack.succeed("config", "rm", "--path", key);
  }
  const line = (text: string) => text.match(/^\s+[-+] .*$/gm)?.map((found) => found.trim()) ?? [];
  const api = (fact: string, before: string, after: string) => ({ app: "fluxstudio-fluxstudio", part: "api", fact, before, after });

  it("shows the old and the new value of a variable, and replaces nothing", async () => {
    const { text, apps } = await previewOf({ "slipway:fluxstudioGoogleClientId": "client-2" });
    expect(line(text).filter((found) => found.includes("="))).toEqual(["- GOOGLE_CLIENT_ID=client-1", "+ GOOGLE_CLIENT_ID=client-2"]);
    expect(text).toMatch(/~ pulumi-nodejs:dynamic\/slipway:SentVariables: \(update\)/);
    expect(text).not.toContain("replace");
    expect(text).not.toContain("--outputs:--");
    expect(apps).toEqual([api("GOOGLE_CLIENT_ID", "client-1", "client-2")]);
    await stack.succeed("config", "set", "slipway:fluxstudioGoogleClientId", "client-1");
  });

  it("shows another repository, and sends no variable", async () => {
    const { text, apps } = await previewOf({ "slipway:fluxstudio.repos.api.repo": "acme/other" });
    expect(line(text)).toEqual(["- repository acme/api", "+ repository acme/other"]);
    expect(text).toContain("~ 2 to update");
    expect(text).not.toContain("SentVariables");
    expect(apps).toEqual([api("repository", "acme/api", "acme/other")]);
    await stack.succeed("config", "set", "--path", "slipway:fluxstudio.repos.api.repo", "acme/api");
  });

  it("shows another size and count of instances", async () => {
    const { text, apps } = await previewOf({
      "slipway:fluxstudio.sizes.api.size": "apps-s-1vcpu-1gb",
      "slipway:fluxstudio.sizes.api.instances": "2",
    });
    expect(line(text)).toEqual(
      expect.arrayContaining(["- size apps-s-1vcpu-0.5gb", "- instances 1", "+ size apps-s-1vcpu-1gb", "+ instances 2"]),
    );
    expect(text).not.toContain("SentVariables");
    expect(apps).toEqual(expect.arrayContaining([api("instances", "1", "2"), api("size", "apps-s-1vcpu-0.5gb", "apps-s-1vcpu-1gb")]));
    await restore("slipway:fluxstudio.sizes.api.size", "slipway:fluxstudio.sizes.api.instances");
  });

  it("shows which secrets another one replaces, and only those", async () => {
    const generated = await previewOf({ "slipway:rotated": "2026-11-01" });
    expect(line(generated.text).filter((found) => found.includes("="))).toEqual([
      ...["- JWT_SECRET=secret, version 1", "+ JWT_SECRET=secret, version 2"],
      ...["- JWT_SECRET=secret, version 1", "+ JWT_SECRET=secret, version 2"],
    ]);
    expect(generated.text).toMatch(/\+-1 to replace/);
    expect(generated.apps.map(({ part, fact }) => `${part} ${fact}`)).toEqual(["api JWT_SECRET", "collaboration JWT_SECRET"]);
    await restore("slipway:rotated");

    const operators = await previewOf({ "slipway:fluxstudioGoogleClientSecret": "very-secret-google-2" }, "--secret");
    expect(line(operators.text).filter((found) => found.includes("="))).toEqual([
      "- GOOGLE_CLIENT_SECRET=secret, version 1",
      "+ GOOGLE_CLIENT_SECRET=secret, version 2",
    ]);
    expect(operators.apps).toEqual([api("GOOGLE_CLIENT_SECRET", "secret, version 1", "secret, version 2")]);
  });

  it("is silent after the change, in the resources and in the outputs, and the state holds no secret", async () => {
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await stack.succeed("preview", "--diff", "--expect-no-changes")).not.toContain("--outputs:--");
    await stack.succeed("refresh", "--yes");
    expect(await stack.succeed("preview", "--diff", "--expect-no-changes")).not.toContain("--outputs:--");
    expect(await stack.succeed("stack", "export")).not.toContain("very-secret");
  });
});
