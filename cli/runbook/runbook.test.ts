/** The runbooks of this repository, in docs/runbooks. */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { glossaryOf } from "../../operate/runbook/glossary.ts";
import type { RunbookStack } from "../../operate/runbook/stack.ts";
import { systems } from "../../systems/index.ts";
import { root, slipway } from "../testing/slipway.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-runbook-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES = systems.map(({ name }) => join(root, "docs/runbooks", `${name}.md`));
const texts = FILES.map((file) => readFileSync(file, "utf8"));

describe("slipway runbook", () => {
  it("writes what is committed, and --check fails where it is stale or missing [F111]", async () => {
    expect(await slipway(["runbook", "--stack", "prod", "--check", join(root, "docs/runbooks")])).toEqual({
      code: 0,
      stdout: `${systems.length} of ${systems.length} runbooks are up to date.`,
      stderr: "",
    });
    const copy = join(folder, "copy");
    cpSync(join(root, "docs/runbooks"), copy, { recursive: true });
    const [first, second] = systems.map(({ name }) => join(copy, `${name}.md`));
    writeFileSync(first!, readFileSync(first!, "utf8").replace("prod", "production"));
    rmSync(second!);
    const stale = await slipway(["runbook", "--stack", "prod", "--check", copy]);
    expect(stale.code).toBe(1);
    expect(stale.stdout).toMatch(
      new RegExp(`^Stale: .*${systems[0]!.name}\\.md, .*${systems[1]!.name}\\.md\\. Write them again: slipway runbook`),
    );
    expect((await slipway(["runbook", "--stack", "prod", "--out", copy])).code).toBe(0);
    expect((await slipway(["runbook", "--stack", "prod", "--check", copy])).code).toBe(0);
  });

  it("prints one for another stack, with its own commands, and refuses a system that the stack does not select", async () => {
    const { code, stdout } = await slipway(["runbook", "--stack", "staging", "--system", systems[0]!.name]);
    expect(code).toBe(0);
    expect(stdout).toContain(`npx slipway verify --stack staging --system ${systems[0]!.name}`);
    expect(stdout).not.toContain("--stack prod");
    expect(await slipway(["runbook", "--stack", "prod", "--out", "a", "--check", "b"])).toMatchObject({ code: 2 });
  });

  it("contains only commands that exist, with flags that they have", async () => {
    const commands = new Set(texts.flatMap((text) => [...text.matchAll(/`npx slipway ([^`]+)`/g)].map(([, words]) => words!)));
    expect(commands.size).toBeGreaterThan(15);
    for (const command of commands) {
      const words = command.split(" ");
      const path = words.slice(0, words.findIndex((word) => word.startsWith("-")) >>> 0);
      const { code, stdout } = await slipway([...path, "--help"]);
      expect(code, command).toBe(0);
      for (const flag of words.filter((word) => word.startsWith("--"))) expect(stdout, command).toContain(flag);
    }
  });

  it("contains the time that the product's documents give [F113]", () => {
    const flux = texts[systems.findIndex(({ name }) => name === "fluxstudio")];
    expect(flux).toContain("| Return to the previous deployment | 15 minutes |");
    expect(flux).toContain("| Observe after a change of phase | 24 hours |");
  });

  it("and every page of the docs need no ssh, no superuser of Postgres and no process manager [F112]", () => {
    const pages = globSync("docs/**/*.md", { cwd: root }).filter((page) => page !== "docs/requirements.md");
    expect(pages.length).toBeGreaterThan(20);
    const instructions = [...texts, ...pages.map((page) => readFileSync(join(root, page), "utf8"))].flatMap((text) =>
      [...text.matchAll(/^(?:```sh[\s\S]*?^```|.*`[^`]+`.*)$/gm)].map(([found]) => found),
    );
    expect(instructions.length).toBeGreaterThan(500);
    expect(
      instructions.filter((line) => /(^|[`\s])(ssh \S+@|sudo -u postgres|psql -U postgres|pm2 |systemctl |supervisorctl )/m.test(line)),
    ).toEqual([]);
  });
});

describe("the glossary of alerts", () => {
  it("explains every alert that stack prod declares, and refuses one that it does not know", async () => {
    const { resources } = await planStack(findProject(root), { stack: "prod", placeholders: true });
    const settings = { stack: "prod" } as RunbookStack["settings"];
    for (const { name } of systems) expect(glossaryOf({ resources, settings }, name).length).toBeGreaterThanOrEqual(9);
    const unknown = resources.map((resource) =>
      resource.type.endsWith(":UptimeAlert") ? { ...resource, inputs: { ...resource.inputs, type: "weather" } } : resource,
    );
    expect(() => glossaryOf({ resources: unknown, settings }, systems[0]!.name)).toThrow(/does not explain the alert weather/);
  });
});
