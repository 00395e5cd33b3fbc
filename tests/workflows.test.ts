/** Security rules that every workflow has to follow, those of the docs included, because pull requests run untrusted code. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly "working-directory"?: string;
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
const examples = new URL("../docs/examples/", import.meta.url);
const workflowsIn = (place: URL) => readdirSync(place).filter((name) => /\.ya?ml$/.test(name));
const files = workflowsIn(folder);
const source = (name: string) => readFileSync(new URL(name, files.includes(name) ? folder : examples), "utf8");

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

describe.each([...files, ...workflowsIn(examples)])("%s", (name) => {
  it("pins actions to a full commit, with the version in a comment", () => {
    const used = source(name)
      .split("\n")
      .filter((line) => /\buses:/.test(line));
    expect(used).toHaveLength(steps(name).filter(({ uses }) => uses !== undefined).length);
    for (const line of used) expect(line).toMatch(/uses: [\w.-]+(\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("has no permissions by default, and explicit ones for each job", () => {
    expect(workflow(name).permissions).toEqual({});
    for (const { permissions } of jobs(name)) {
      expect(permissions).toBeDefined();
      expect(Object.values(permissions ?? {}).filter((level) => level !== "read" && level !== "write")).toEqual([]);
    }
  });

  it("inserts no expression into a script, where the name of a branch could run commands", () => {
    for (const { run = "" } of steps(name)) expect(run).not.toContain("${{");
  });

  it("stores no credential on disk", () => {
    for (const step of steps(name).filter(({ uses }) => uses?.startsWith("actions/checkout@")))
      expect(step.with?.["persist-credentials"]).toBe(false);
  });

  it("has a time limit and a concurrency group", () => {
    for (const job of jobs(name)) expect(job["timeout-minutes"]).toBeLessThanOrEqual(45);
    expect(workflow(name).concurrency?.group).toMatch(/\$\{\{ github\./);
  });

  it("uses no cache that another job could have written", () => {
    for (const { uses, with: given } of steps(name)) {
      expect(uses ?? "").not.toMatch(/^actions\/cache/);
      if (uses?.startsWith("actions/setup-node@")) expect(given?.["package-manager-cache"]).toBe(false);
    }
  });
});

const jobsOf = (name: string) => Object.keys(workflow(name).jobs).map((job) => [name, job] as const);

/** Jobs that check out what a pull request contains. */
const UNTRUSTED = [...jobsOf("ci.yml"), ["preview.yml", "preview"] as const];

describe("a job that runs untrusted code", () => {
  it("is of ci.yml or preview.yml", () => {
    const started = files.filter((name) => events(name).some((event) => event.startsWith("pull_request")));
    expect(started.toSorted()).toEqual(["ci.yml", "preview.yml"]);
    expect(events("ci.yml")).not.toContain("pull_request_target");
  });

  it.each(UNTRUSTED)("has read permission only, and no secret: %s, %s", (name, job) => {
    const { permissions, ...rest } = workflow(name).jobs[job]!;
    expect(permissions).toEqual({ contents: "read" });
    expect(JSON.stringify(rest)).not.toMatch(/secrets\s*[.[]|github\.token|GITHUB_TOKEN|GH_TOKEN/);
  });

  it("is defined by the base if its result is posted, and installs nothing of the head", () => {
    expect(events("preview.yml")).toEqual(["pull_request_target"]);
    const { steps: all } = workflow("preview.yml").jobs.preview!;
    const scripts = all.flatMap((step) => (step.run?.includes("head") || step["working-directory"] === "head" ? [step.run] : []));
    expect(scripts).toEqual(['node base/bin/slipway.js preview --base "$BASE" --cwd head --out review']);
  });
});

describe("a job that may comment on a pull request", () => {
  const job = workflow("preview.yml").jobs.comment!;

  it("is the only one with that permission", () => {
    const writing = files.flatMap((name) =>
      Object.entries(workflow(name).jobs).flatMap(([id, { permissions }]) =>
        permissions?.["pull-requests"] === "write" ? [`${name} ${id}`] : [],
      ),
    );
    expect(writing).toEqual(["preview.yml comment"]);
    expect(job.permissions).toEqual({ contents: "read", actions: "read", "pull-requests": "write" });
  });

  it("never checks out the head, and installs none of its dependencies", () => {
    for (const step of job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@")))
      expect(Object.keys(step.with ?? {})).toEqual(["persist-credentials"]);
    expect(job.steps.flatMap(({ uses }) => uses?.split("@")[0] ?? [])).toEqual(["actions/checkout", "actions/setup-node"]);
  });

  it("reads the artifact as one file of a known name and a limited size", () => {
    const fetching = job.steps.find(({ run }) => run?.includes("unzip"))?.run ?? "";
    expect(fetching).toMatch(/unzip -p \S+ review\.json/);
    expect(fetching).toMatch(/\| head -c 5000001 >/);
  });
});
