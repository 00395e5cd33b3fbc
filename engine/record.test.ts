import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { byType, children, resource } from "./find.ts";
import { Asset, Reference, Secret, Unknown } from "./plan.ts";
import { type Program, record } from "./record.ts";

const VPC = "digitalocean:index/vpc:Vpc";
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";

class Group extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Group", name, {}, opts);
  }
}

function cluster(name: string, opts?: pulumi.CustomResourceOptions, args: Partial<digitalocean.DatabaseClusterArgs> = {}) {
  return new digitalocean.DatabaseCluster(name, { engine: "pg", nodeCount: 1, region: "nyc3", size: "db-s-1vcpu-1gb", ...args }, opts);
}

function planOf(program: Program) {
  return record(program, { project: "p", stack: "s" });
}

describe("URNs and source positions", () => {
  it("includes the types of all parents in a URN, the direct parent's last", async () => {
    const plan = await planOf(function program() {
      const outer = new Group("outer");
      const inner = new Group("inner", { parent: outer });
      new digitalocean.Vpc("deep", { region: "nyc3" }, { parent: inner });
      new digitalocean.Vpc("top", { region: "nyc3" });
    });
    expect(plan.resources.map(({ urn }) => urn).sort()).toEqual([
      `urn:pulumi:s::p::${VPC}::top`,
      `urn:pulumi:s::p::test:index:Group$test:index:Group$${VPC}::deep`,
      "urn:pulumi:s::p::test:index:Group$test:index:Group::inner",
      "urn:pulumi:s::p::test:index:Group::outer",
    ]);
  });

  it("includes a custom resource's type in the URN of its child", async () => {
    const plan = await planOf(function program() {
      const parent = cluster("pg");
      new digitalocean.DatabaseDb("db", { clusterId: parent.id }, { parent });
    });
    expect(resource(plan, "digitalocean:index/databaseDb:DatabaseDb", "db")).toMatchObject({
      urn: `urn:pulumi:s::p::${CLUSTER}$digitalocean:index/databaseDb:DatabaseDb::db`,
      parent: `urn:pulumi:s::p::${CLUSTER}::pg`,
    });
  });

  it("leaves out the stack, also as a parent", async () => {
    const plan = await planOf(function program() {
      new Group("top");
    });
    expect(plan.resources).toHaveLength(1);
    expect(children(plan)).toEqual(plan.resources);
  });

  it("records where the program declares a resource", async () => {
    const plan = await record(
      function program() {
        new Group("here");
      },
      { project: "p", stack: "s", directory: import.meta.dirname },
    );
    expect(plan.resources[0]?.source).toEqual({ file: "record.test.ts", line: expect.any(Number) });
  });

  it("records the position in an anonymous function, and the caller of a package that declares the resource", async () => {
    const here = async () => {
      new digitalocean.Vpc("net", { region: "nyc3" });
    };
    const plan = await record(here, { project: "p", stack: "s", directory: import.meta.dirname });
    expect(plan.resources[0]?.source).toEqual({ file: "record.test.ts", line: expect.any(Number) });
  });

  it("rejects two resources with the same name, and reports which and where", async () => {
    const twice = planOf(function program() {
      new Group("same");
      new Group("same");
    });
    await expect(twice).rejects.toMatchObject({
      message: expect.stringMatching(/^"same" is declared twice as test:index:Group\. .*\(engine\/record\.test\.ts:\d+\)$/),
      urn: "urn:pulumi:s::p::test:index:Group::same",
    });
  });
});

describe("values", () => {
  it("marks a secret in place, in lists and objects, and not its neighbours", async () => {
    const plan = await planOf(function program() {
      new digitalocean.App("app", {
        spec: {
          name: "app",
          region: "nyc",
          envs: [
            { key: "A", value: pulumi.secret("hush") },
            { key: "B", value: "plain" },
          ],
        },
      });
    });
    expect(resource(plan, "digitalocean:index/app:App", "app").inputs).toEqual({
      spec: {
        name: "app",
        region: "nyc",
        envs: [
          { key: "A", value: new Secret("hush") },
          { key: "B", value: "plain" },
        ],
      },
    });
  });

  it("leaves ids and outputs unknown, and those that the SDK lists as secret unknown and secret", async () => {
    const plan = await planOf(function program() {
      const pg = cluster("pg");
      new digitalocean.DatabaseDb("db", { clusterId: pg.id, name: pg.uri });
      return { host: pg.host, uri: pg.uri, size: pg.size };
    });
    expect(resource(plan, "digitalocean:index/databaseDb:DatabaseDb", "db").inputs).toEqual({
      clusterId: new Unknown(),
      name: new Secret(new Unknown()),
    });
    expect(plan.outputs).toEqual({ host: new Unknown(), uri: new Secret(new Unknown()), size: "db-s-1vcpu-1gb" });
  });

  it("marks secret config only when the program reads it as a secret", async () => {
    const plan = await record(
      function program() {
        const config = new pulumi.Config();
        return { kept: config.requireSecret("token"), lost: config.require("token") };
      },
      { project: "p", stack: "s", config: { "p:token": "hush-hush" }, secretKeys: ["p:token"] },
    );
    expect(plan.outputs).toEqual({ kept: new Secret("hush-hush"), lost: "hush-hush" });
    expect(plan.secretConfig).toEqual({ "p:token": "hush-hush" });
  });

  it("records resources in inputs as references, and files as hashes of their content", async () => {
    const plan = await planOf(function program() {
      const group = new Group("group");
      new pulumi.ComponentResource("test:index:Holder", "holder", {
        group,
        text: new pulumi.asset.StringAsset("a"),
        same: new pulumi.asset.StringAsset("a"),
        other: new pulumi.asset.AssetArchive({ "b.txt": new pulumi.asset.StringAsset("b") }),
        here: new pulumi.asset.FileArchive(`${import.meta.dirname}/fixtures/house`),
      });
    });
    const { group, text, same, other, here } = resource(plan, "test:index:Holder", "holder").inputs;
    expect(group).toEqual(new Reference("urn:pulumi:s::p::test:index:Group::group"));
    expect(text).toBeInstanceOf(Asset);
    expect(text).toEqual(same);
    expect(other).toMatchObject({ kind: "archive", hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(here).not.toEqual(other);
  });

  it("records a component's outputs, with marks", async () => {
    const plan = await planOf(function program() {
      class Safe extends Group {
        constructor(name: string) {
          super(name);
          this.registerOutputs({ code: pulumi.secret("1234"), door: "steel" });
        }
      }
      new Safe("safe");
    });
    expect(resource(plan, "test:index:Group", "safe").outputs).toEqual({ code: new Secret("1234"), door: "steel" });
  });
});

describe("dependencies", () => {
  it("records the dependencies of each input, and expands a component to its children", async () => {
    const plan = await planOf(function program() {
      const group = new Group("group");
      const vpc = new digitalocean.Vpc("net", { region: "nyc3" }, { parent: group });
      cluster("pg", {}, { privateNetworkUuid: vpc.id });
      cluster("later", { dependsOn: group });
    });
    const [vpc] = byType(plan, VPC).map(({ urn }) => urn);
    expect(resource(plan, CLUSTER, "pg")).toMatchObject({ dependencies: [vpc], propertyDependencies: { privateNetworkUuid: [vpc] } });
    expect(resource(plan, CLUSTER, "later")).toMatchObject({ dependencies: [vpc], propertyDependencies: {} });
  });
});

describe("options", () => {
  it("records every option that is set, and no other", async () => {
    const plan = await planOf(function program() {
      const vpc = new digitalocean.Vpc("net", { region: "nyc3" });
      cluster("pg", {
        protect: true,
        retainOnDelete: false,
        deletedWith: vpc,
        deleteBeforeReplace: true,
        ignoreChanges: ["version"],
        replaceOnChanges: ["region"],
        customTimeouts: { create: "45m" },
        import: "11111111-2222-3333-4444-555555555555",
      });
    });
    const { additionalSecretOutputs, version, ...options } = resource(plan, CLUSTER, "pg").options;
    expect(options).toEqual({
      protect: true,
      retainOnDelete: false,
      deletedWith: `urn:pulumi:s::p::${VPC}::net`,
      deleteBeforeReplace: true,
      ignoreChanges: ["version"],
      replaceOnChanges: ["region"],
      customTimeouts: { create: "45m" },
      importId: "11111111-2222-3333-4444-555555555555",
    });
    expect(additionalSecretOutputs).toContain("uri");
    expect(version).toMatch(/^4\./);
    expect(Object.keys(resource(plan, VPC, "net").options)).toEqual(["version"]);
  });

  it("records aliases as URNs, including those that follow from a parent's aliases", async () => {
    const plan = await planOf(function program() {
      const group = new Group("new", { aliases: [{ name: "old" }] });
      new digitalocean.Vpc("new-net", { region: "nyc3" }, { parent: group, aliases: [{ parent: pulumi.rootStackResource }] });
    });
    expect(resource(plan, "test:index:Group", "new").options.aliases).toEqual(["urn:pulumi:s::p::test:index:Group::old"]);
    expect(resource(plan, VPC, "new-net").options.aliases).toEqual([
      `urn:pulumi:s::p::${VPC}::new-net`,
      `urn:pulumi:s::p::test:index:Group$${VPC}::old-net`,
    ]);
  });

  it("records an explicit provider, also one inherited from a component", async () => {
    const plan = await planOf(function program() {
      const provider = new digitalocean.Provider("elsewhere", { token: pulumi.secret("dop_v1_x") });
      const group = new Group("group", { providers: [provider] });
      new digitalocean.Vpc("net", { region: "nyc3" }, { parent: group });
    });
    const provider = resource(plan, "pulumi:providers:digitalocean", "elsewhere");
    expect(provider).toMatchObject({ custom: true, inputs: { token: new Secret("dop_v1_x") } });
    expect(resource(plan, VPC, "net").options.provider).toBe(provider.urn);
  });

  it("records the program text of a dynamic resource", async () => {
    const plan = await planOf(function program() {
      const provider: pulumi.dynamic.ResourceProvider = { create: async () => ({ id: "made-here" }) };
      new (class Step extends pulumi.dynamic.Resource {})(provider, "step", { hash: "abc" });
    });
    expect(resource(plan, "pulumi-nodejs:dynamic:Resource", "step").inputs).toMatchObject({
      hash: "abc",
      __provider: expect.stringContaining("made-here"),
    });
  });
});

describe("hooks and transforms", () => {
  it("does not run hooks or wait for them", async () => {
    let ran = false;
    const plan = await planOf(function program() {
      const hook = new pulumi.ResourceHook("after", async () => {
        ran = true;
      });
      new digitalocean.Vpc("net", { region: "nyc3" }, { hooks: { afterCreate: [hook] } });
    });
    expect(plan.resources.map(({ name }) => name)).toEqual(["net"]);
    expect(ran).toBe(false);
  });

  it("applies a resource's transforms, then its parent's, then the stack's, with the settings of the recording", async () => {
    const add = (word: string) => async (args: pulumi.ResourceTransformArgs) => ({
      props: { ...args.props, description: [args.props.description ?? [], word].flat().join(" ") },
      opts: args.type === VPC ? pulumi.mergeOptions(args.opts, { protect: true }) : args.opts,
    });
    const plan = await record(
      function program() {
        pulumi.runtime.registerResourceTransform(add(new pulumi.Config().require("word")));
        const group = new Group("group", { transforms: [add("parent")] });
        new digitalocean.Vpc("net", { region: "nyc3" }, { parent: group, transforms: [add("own")] });
      },
      { project: "p", stack: "s", config: { "p:word": "stack" } },
    );
    expect(resource(plan, VPC, "net")).toMatchObject({ inputs: { description: "own parent stack" }, options: { protect: true } });
  });
});
