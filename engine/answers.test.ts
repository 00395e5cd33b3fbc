import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { Secret, Unknown } from "./plan.ts";
import { type Program, type RecordOptions, record } from "./record.ts";

function planOf(program: Program, options: Partial<RecordOptions> = {}) {
  return record(program, { project: "p", stack: "s", ...options });
}

function clusterOutputs() {
  const pg = new digitalocean.DatabaseCluster("pg", { engine: "pg", nodeCount: 1, region: "nyc3", size: "db-s-1vcpu-1gb" });
  return { id: pg.id, host: pg.host, uri: pg.uri, port: pg.port };
}

it("answers with the outputs it is given, marks those that the SDK lists as secret, and leaves the rest unknown", async () => {
  const plan = await planOf(clusterOutputs, {
    outputs: ({ name }) => ({ id: `${name}-1`, host: "db.example.com", uri: "postgres://u:p@db" }),
  });
  expect(plan.outputs).toEqual({ id: "pg-1", host: "db.example.com", uri: new Secret("postgres://u:p@db"), port: new Unknown() });
});

it("makes up an id and knows no other output where a run is no preview", async () => {
  const plan = await planOf(clusterOutputs, { preview: false });
  expect(plan.outputs.id).toBe("pg-id");
  expect(plan.outputs).not.toHaveProperty("host");
});

it("marks an output that is named like a secret input", async () => {
  const plan = await planOf(
    function program() {
      const vpc = new digitalocean.Vpc("net", { region: "nyc3", description: pulumi.secret("quiet") });
      return { description: vpc.description };
    },
    { outputs: () => ({ description: "loud" }) },
  );
  expect(plan.outputs).toEqual({ description: new Secret("loud") });
});

it("reads an existing resource by its id, and knows what it is told of it", async () => {
  const plan = await planOf(
    function program() {
      const vpc = digitalocean.Vpc.get("theirs", "vpc-1");
      return { id: vpc.id, region: vpc.region, range: vpc.ipRange };
    },
    { outputs: ({ read }) => (read ? { region: "fra1" } : undefined) },
  );
  expect(plan.resources).toMatchObject([{ name: "theirs", id: "vpc-1", read: true, custom: true }]);
  expect(plan.outputs).toEqual({ id: "vpc-1", region: "fra1", range: new Unknown() });
});

async function ownFingerprint() {
  const self = new pulumi.StackReference("self", { name: `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}` });
  const { value, secretValue } = await self.getOutputDetails("fingerprint");
  return { value: value ?? "none", secretValue: secretValue ?? "none" };
}

it("lets a stack find nothing of itself in its first run", async () => {
  expect((await planOf(ownFingerprint)).outputs).toEqual({ value: "none", secretValue: "none" });
});

it("lets a stack find in a later run what an earlier one handed out", async () => {
  const earlier = await planOf(() => ({ fingerprint: pulumi.secret("f00") }));
  const later = await planOf(ownFingerprint, { stackReferences: { s: earlier.outputs } });
  expect(later.outputs).toEqual({ value: "none", secretValue: "f00" });
});

it("knows nothing of another stack that it was not told about, and says so", async () => {
  const plan = await planOf(function program() {
    return { theirs: new pulumi.StackReference("organization/other/prod").getOutput("url") };
  });
  expect(plan.outputs).toEqual({ theirs: new Unknown() });
  expect(plan.messages).toMatchObject([{ severity: "warning", text: expect.stringContaining("organization/other/prod") }]);
});

it("answers getX with what it is given, secrets marked", async () => {
  const plan = await planOf(
    () => ({
      name: digitalocean.getRegionOutput({ slug: "nyc3" }).name,
      plain: digitalocean.getRegion({ slug: "ams3" }).then((r) => r.name),
    }),
    { invokes: (_token, { slug }) => (slug === "nyc3" ? { name: new Secret("New York 3") } : { name: "Amsterdam 3" }) },
  );
  expect(plan.outputs).toEqual({ name: new Secret("New York 3"), plain: "Amsterdam 3" });
});

it("leaves what getX would have found unknown, and says so once", async () => {
  const plan = await planOf(() => ({
    here: digitalocean.getRegionOutput({ slug: "nyc3" }).name,
    there: digitalocean.getRegionOutput({ slug: "fra1" }).name,
  }));
  expect(plan.outputs).toEqual({ here: new Unknown(), there: new Unknown() });
  expect(plan.messages.map(({ text }) => text)).toEqual([expect.stringContaining("getRegion")]);
});

it("keeps what the program logs, with the resource it is about, and without secrets", async () => {
  const plan = await planOf(
    function program() {
      const group = new pulumi.ComponentResource("test:index:Group", "group");
      pulumi.log.warn(`do not tell ${new pulumi.Config().require("token")}`, group);
      pulumi.log.info("hello");
      pulumi.log.debug("for nobody");
    },
    { config: { "p:token": "hush-hush" }, secretKeys: ["p:token"] },
  );
  expect(plan.messages).toEqual([
    { severity: "warning", text: "do not tell [secret]", urn: "urn:pulumi:s::p::test:index:Group::group", held: ["hush-hush"] },
    { severity: "info", text: "hello" },
  ]);
});

it("lets the program change what it asks of getX, before anybody answers", async () => {
  const plan = await planOf(
    () => {
      pulumi.runtime.registerInvokeTransform(async ({ args, opts }) => ({ args: { ...args, slug: "ams3" }, opts }));
      return { name: digitalocean.getRegionOutput({ slug: "nyc3" }).name };
    },
    { invokes: (_token, { slug }) => ({ name: `region ${slug}` }) },
  );
  expect(plan.outputs).toEqual({ name: "region ams3" });
});
