import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { isPlaceholder, placeholderFor } from "./placeholder.ts";
import { Secret } from "./plan.ts";
import { findProject, programOf, stackNames } from "./project.ts";
import { record } from "./record.ts";
import { readStack } from "./stackfile.ts";
import { planStack } from "./stackplan.ts";

const house = path.join(import.meta.dirname, "fixtures/house");
const folders: string[] = [];

/** Files by path; where the SDK is needed, inside this project. */
function projectOf(files: Readonly<Record<string, string>>, above = tmpdir()): string {
  const folder = mkdtempSync(path.join(above, "slipway-project-"));
  folders.push(folder);
  for (const [file, text] of Object.entries({ "index.js": "", ...files })) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  return folder;
}

function configOf(stackFile: string, projectFile = "", overrides?: Readonly<Record<string, string>>) {
  const folder = projectOf({ "Pulumi.yaml": `name: p\n${projectFile}`, "Pulumi.prod.yaml": stackFile });
  return readStack(findProject(folder), "prod", overrides);
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe("finding a project", () => {
  it("searches parent directories", () => {
    expect(findProject(path.join(house, "deep/er").replace(/deep.*/, ""))).toMatchObject({ name: "house", root: house });
    const folder = projectOf({ "Pulumi.yaml": "name: p", "src/x.txt": "" });
    expect(findProject(path.join(folder, "src"))).toMatchObject({ name: "p", root: folder, entry: path.join(folder, "index.js") });
  });

  it("reports the searched directory when there is no project", () => {
    const folder = projectOf({});
    expect(() => findProject(folder)).toThrow(`No Pulumi.yaml in ${folder} or above it.`);
    expect(() => findProject("/no/such/place")).toThrow("There is no directory /no/such/place.");
  });

  it("runs the file or directory in main, in that directory", () => {
    const folder = projectOf({ "Pulumi.yaml": "name: p\nmain: infra", "infra/index.ts": "" });
    expect(findProject(folder)).toMatchObject({
      root: folder,
      directory: path.join(folder, "infra"),
      entry: path.join(folder, "infra/index.ts"),
    });
  });

  it("uses main of package.json when Pulumi.yaml has none", () => {
    const folder = projectOf({ "Pulumi.yaml": "name: p", "package.json": `{"main":"dist/run.js"}`, "dist/run.js": "" });
    expect(findProject(folder).entry).toBe(path.join(folder, "dist/run.js"));
  });

  it("reports the file and line of an error", () => {
    const broken = (text: string) => () => findProject(projectOf({ "Pulumi.yaml": text }));
    expect(broken("name: p\nmain: [a")).toThrow(/^Pulumi\.yaml:\d+: this is not YAML: /);
    expect(broken("main: index.js")).toThrow('Pulumi.yaml: the project has no name; give it one: "name: my-project".');
    expect(broken("name: p\nmain: away.ts")).toThrow("Pulumi.yaml:2: there is no program at away.ts.");
    expect(broken("just words")).toThrow("Pulumi.yaml:1: expected keys and values.");
  });
});

describe("reading a stack", () => {
  it("lists the stacks when the requested one does not exist", () => {
    const folder = projectOf({ "Pulumi.yaml": "name: p", "Pulumi.prod.yaml": "", "Pulumi.staging.yaml": "" });
    const project = findProject(folder);
    expect(stackNames(project)).toEqual(["prod", "staging"]);
    expect(() => readStack(project, "production")).toThrow(
      `There is no stack "production": no Pulumi.production.yaml in ${folder}. This project has: prod, staging.`,
    );
  });

  it("parses the organization of a full stack name", () => {
    const folder = projectOf({ "Pulumi.yaml": "name: p", "Pulumi.prod.yaml": "" });
    expect(readStack(findProject(folder), "acme/p/prod")).toMatchObject({ organization: "acme", stack: "prod" });
  });

  it("uses a placeholder for each encrypted value, at any depth, and lists their paths", () => {
    const stack = configOf(`config:
  p:token: {secure: v1:abc}
  p:mail: {host: mail.example.com, auth: [{password: {secure: v1:def}}]}
  p:plain: hello
`);
    expect(stack.placeholders).toEqual(["p:mail.auth[0].password", "p:token"]);
    expect(stack.secretKeys).toEqual(["p:mail", "p:token"]);
    expect(stack.config["p:token"]).toBe(placeholderFor("p:token"));
    expect(JSON.parse(stack.config["p:mail"] ?? "")).toEqual({
      host: "mail.example.com",
      auth: [{ password: placeholderFor("p:mail.auth[0].password") }],
    });
  });

  it("starts with the project's defaults, which the stack and the caller override", () => {
    const defaults = `config:
  region: {type: string, default: nyc3}
  nodes: 1
  p:size: {value: small}
  key: {type: string, secret: true, default: hush-hush}
  digitalocean:apiEndpoint: https://api.example.com
`;
    const stack = configOf("config:\n  p:nodes: 2\n  region: ams3\n", defaults, { size: "large", "other:key": "x" });
    expect(stack.config).toEqual({
      "p:region": "ams3",
      "p:nodes": "2",
      "p:size": "large",
      "p:key": "hush-hush",
      "digitalocean:apiEndpoint": "https://api.example.com",
      "other:key": "x",
    });
    expect(stack.secretKeys).toEqual(["p:key"]);
  });

  it("uses no placeholder when the caller passes the value, which stays secret", () => {
    const stack = configOf("config:\n  p:token: {secure: v1:abc}\n", "", { token: "given" });
    expect(stack).toMatchObject({ config: { "p:token": "given" }, secretKeys: ["p:token"], placeholders: [] });
  });

  it("reports all required values without a default, with the commands that set them", () => {
    expect(() => configOf("", "config:\n  one: {type: string}\n  two: {type: integer}\n")).toThrow(
      "Pulumi.prod.yaml: Pulumi.yaml requires values that this stack does not have. Set them:\n" +
        "  pulumi config set p:one <value> --stack prod\n  pulumi config set p:two <value> --stack prod",
    );
  });

  it("reports the file and line of an error", () => {
    expect(() => configOf("config:\n  p:a: 1\n p:b: 2\n")).toThrow(/^Pulumi\.prod\.yaml:3: this is not YAML: /);
    expect(() => configOf("secretsprovider: x\nconfig: [a]\n")).toThrow(
      'Pulumi.prod.yaml:2: "config" must contain keys and values, such as "p:region: nyc3".',
    );
  });
});

describe("placeholders", () => {
  it("are stable for a key, differ between keys, and are long enough for a secret", () => {
    expect(placeholderFor("p:a")).toBe(placeholderFor("p:a"));
    expect(placeholderFor("p:a")).not.toBe(placeholderFor("p-a"));
    const schema = z.string().min(40).max(128).regex(/^\S+$/);
    for (const key of ["p:a", `slipway:${"x".repeat(200)}.["y z"]`]) {
      expect(schema.safeParse(placeholderFor(key)).success).toBe(true);
      expect(isPlaceholder(placeholderFor(key))).toBe(true);
    }
    expect(isPlaceholder("my-own-password")).toBe(false);
  });

  it("are secrets in the program and secret config in the plan", async () => {
    const plan = await planStack(findProject(house), { stack: "prod" });
    expect(plan.placeholders).toEqual(["house:mail.password", "house:token"]);
    expect(plan.secretConfig).toEqual({
      "house:token": placeholderFor("house:token"),
      "house:mail.password": placeholderFor("house:mail.password"),
    });
    const spec = plan.resources.find(({ name }) => name === "parlour")?.inputs.spec;
    expect(spec).toMatchObject({
      services: [{ envs: [{ key: "TOKEN", value: new Secret(placeholderFor("house:token")) }, {}, { key: "MAIL" }, {}] }],
    });
  });
});

describe("running a project's program", () => {
  const here = path.join(import.meta.dirname, "fixtures");
  const outputsOf = async (files: Readonly<Record<string, string>>) => {
    const folder = projectOf({ "Pulumi.yaml": "name: p\n", "Pulumi.dev.yaml": "", ...files }, here);
    return (await planStack(findProject(folder), { stack: "dev" })).outputs;
  };

  it("uses the exports of a CommonJS program", async () => {
    const program = `const pulumi = require("@pulumi/pulumi"); exports.stack = pulumi.getStack();`;
    expect(await outputsOf({ "package.json": "{}", "index.js": program })).toEqual({ stack: "dev" });
  });

  it("calls a CommonJS program that is a function", async () => {
    expect(await outputsOf({ "package.json": "{}", "index.js": "module.exports = async () => ({ made: 1 });" })).toEqual({ made: 1 });
  });

  it("uses the named exports of an ES module with top-level await and no type in package.json", async () => {
    expect(await outputsOf({ "package.json": "{}", "index.js": "export const made = await Promise.resolve(1);" })).toEqual({ made: 1 });
  });

  it("strips types", async () => {
    const program = "export default async (): Promise<Record<string, number>> => ({ made: 1 });";
    expect(
      await outputsOf({ "package.json": `{"type":"module"}`, "index.js": "", "Pulumi.yaml": "name: p\nmain: run.ts", "run.ts": program }),
    ).toEqual({
      made: 1,
    });
  });

  it("records resources that a module declares at its top level under the stack", async () => {
    const program = `const pulumi = require("@pulumi/pulumi"); exports.urn = new pulumi.ComponentResource("a:b:C", "top").urn;`;
    expect(await outputsOf({ "package.json": "{}", "index.js": program })).toEqual({ urn: "urn:pulumi:dev::p::a:b:C::top" });
  });

  it("fails, instead of returning an empty plan, when a program can run only once", async () => {
    const folder = projectOf(
      { "Pulumi.yaml": "name: p\n", "Pulumi.dev.yaml": "", "package.json": "{}", "index.js": "exports.made = 1;" },
      here,
    );
    const project = findProject(folder);
    const first = record(programOf(project), { project: "p", stack: "dev" });
    expect((await first).outputs).toEqual({ made: 1 });
    await expect(record(programOf(project), { project: "p", stack: "dev" })).rejects.toThrow("Export a function to run it again.");
  });

  it("rejects a default export with named exports, as Pulumi does", async () => {
    await expect(outputsOf({ "package.json": `{"type":"module"}`, "index.js": "export default 1; export const two = 2;" })).rejects.toThrow(
      "exports both a default and two",
    );
  });

  it("reports the position of a syntax error, and of syntax that type stripping does not support", async () => {
    const files = { "package.json": `{"type":"module"}`, "Pulumi.yaml": "name: p\nmain: run.ts" };
    await expect(outputsOf({ ...files, "run.ts": "const fine = 1;\nconst: = 2;\n" })).rejects.toThrow(/^SyntaxError: .*\(run\.ts:2\)$/);
    await expect(outputsOf({ ...files, "run.ts": "enum Size { Small }\n" })).rejects.toThrow(/enum is not supported.*\(run\.ts:1\)$/);
  });

  it("lists the keys that the program reports as missing as placeholders, on request", async () => {
    const program = `const pulumi = require("@pulumi/pulumi");
      module.exports = () => {
        if (!new pulumi.Config("slipway").getBoolean("placeholders")) throw new pulumi.RunError("p:key is missing");
        pulumi.log.warn("missing: p:key");
        pulumi.log.warn("missing: p:key");
      };`;
    const folder = projectOf({ "Pulumi.yaml": "name: p\n", "Pulumi.dev.yaml": "", "package.json": "{}", "index.js": program }, here);
    await expect(planStack(findProject(folder), { stack: "dev" })).rejects.toThrow("p:key is missing");
    const plan = await planStack(findProject(folder), { stack: "dev", placeholders: true });
    expect(plan).toMatchObject({ placeholders: ["p:key"], messages: [] });
  });
});
