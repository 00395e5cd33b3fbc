/** The rules that keep a stranger's pull request from reaching what it must not, held by every workflow. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: unknown;
  readonly permissions?: unknown;
  readonly concurrency?: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = new URL("../.github/workflows/", import.meta.url);
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
const source = (name: string) => readFileSync(new URL(name, folder), "utf8");

function workflow(name: string): Workflow {
  const document = parseDocument(source(name), { strict: true, uniqueKeys: true });
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return document.toJS() as Workflow;
}

const jobs = (name: string) => Object.values(workflow(name).jobs);
const steps = (name: string) => jobs(name).flatMap((job) => job.steps);
const events = (name: string): string[] => {
  const { on } = workflow(name);
  return typeof on === "string" ? [on] : Array.isArray(on) ? on : Object.keys(on as object);
};

describe.each(files)("%s", (name) => {
  it("uses actions by their full commit only, with the version beside it", () => {
    const used = source(name)
      .split("\n")
      .filter((line) => /\buses:/.test(line));
    expect(used).toHaveLength(steps(name).filter(({ uses }) => uses !== undefined).length);
    for (const line of used) expect(line).toMatch(/uses: [\w.-]+(\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("gives no permission to all, and to each job what it names", () => {
    expect(workflow(name).permissions).toEqual({});
    for (const { permissions } of jobs(name)) {
      expect(permissions).toBeDefined();
      expect(Object.values(permissions ?? {}).filter((level) => level !== "read" && level !== "write")).toEqual([]);
    }
  });

  it("writes no expression into a script, where a branch's name would be a command", () => {
    for (const { run = "" } of steps(name)) expect(run).not.toContain("${{");
  });

  it("leaves no credential on disk", () => {
    for (const step of steps(name).filter(({ uses }) => uses?.startsWith("actions/checkout@")))
      expect(step.with?.["persist-credentials"]).toBe(false);
  });

  it("ends, and does not run twice at once for the same thing", () => {
    for (const job of jobs(name)) expect(job["timeout-minutes"]).toBeLessThanOrEqual(45);
    expect(workflow(name).concurrency?.group).toMatch(/\$\{\{ github\./);
  });

  it("is not started with the base's rights on the head's files", () => {
    expect(events(name)).not.toContain("pull_request_target");
  });

  it("takes no cache that another job may have filled", () => {
    for (const { uses, with: given } of steps(name)) {
      expect(uses ?? "").not.toMatch(/^actions\/cache/);
      if (uses?.startsWith("actions/setup-node@")) expect(given?.["package-manager-cache"]).toBe(false);
    }
  });
});

describe("what runs a stranger's code", () => {
  const untrusted = files.filter((name) => events(name).includes("pull_request"));

  it("is the preview and the tests", () => {
    expect(untrusted.toSorted()).toEqual(["ci.yml", "preview.yml"]);
  });

  it.each(untrusted)("may only read, and is given no secret: %s", (name) => {
    for (const { permissions } of jobs(name)) expect(permissions).toEqual({ contents: "read" });
    expect(source(name)).not.toMatch(/secrets\s*[.[]|github\.token|GITHUB_TOKEN/);
  });
});

describe("what may write under a pull request", () => {
  const name = "comment.yml";

  it("is one job, with that right and no other", () => {
    const writing = files.filter((file) => jobs(file).some(({ permissions }) => permissions?.["pull-requests"] === "write"));
    expect(writing).toEqual([name]);
    expect(jobs(name).map(({ permissions }) => permissions)).toEqual([{ contents: "read", actions: "read", "pull-requests": "write" }]);
    expect(events(name)).toEqual(["workflow_run"]);
  });

  it("never has the head's files, nor installs what they name", () => {
    for (const step of steps(name).filter(({ uses }) => uses?.startsWith("actions/checkout@")))
      expect(Object.keys(step.with ?? {})).toEqual(["persist-credentials"]);
    expect(steps(name).flatMap(({ uses }) => uses?.split("@")[0] ?? [])).toEqual(["actions/checkout", "actions/setup-node"]);
  });

  it("takes the artifact as one file of a known name and length", () => {
    const fetching = steps(name).find(({ run }) => run?.includes("unzip"))?.run ?? "";
    expect(fetching).toMatch(/unzip -p \S+ review\.json/);
    expect(fetching).toMatch(/\| head -c 5000001 >/);
  });
});
