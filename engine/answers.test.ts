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

it("returns the given outputs, marks those that the SDK lists as secret, and leaves the rest unknown", async () => {
  const plan = await planOf(clusterOutputs, {
    outputs: ({ name }) => ({ id: `${name}-1`, host: "db.example.com", uri: "postgres://u:p@db" }),
  });
  expect(plan.outputs).toEqual({ id: "pg-1", host: "db.example.com", uri: new Secret("postgres://u:p@db"), port: new Unknown() });
});

it("generates an id and no other output outside of a preview", async () => {
  const plan = await planOf(clusterOutputs, { preview: false });
  expect(plan.outputs.id).toBe("pg-id");
  expect(plan.outputs).not.toHaveProperty("host");
});

it("marks an output with the name of a secret input", async () => {
  const plan = await planOf(
    function program() {
      const vpc = new digitalocean.Vpc("net", { region: "nyc3", description: pulumi.secret("quiet") });
      return { description: vpc.description };
    },
    { outputs: () => ({ description: "loud" }) },
  );
  expect(plan.outputs).toEqual({ description: new Secret("loud") });
});

it("reads an existing resource by its id, with the given outputs", async () => {
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

it("gives a stack no outputs of its own on the first run", async () => {
  expect((await planOf(ownFingerprint)).outputs).toEqual({ value: "none", secretValue: "none" });
});

it("gives a stack its outputs of an earlier run", async () => {
  const earlier = await planOf(() => ({ fingerprint: pulumi.secret("f00") }));
  const later = await planOf(ownFingerprint, { stackReferences: { s: earlier.outputs } });
  expect(later.outputs).toEqual({ value: "none", secretValue: "f00" });
});

it("leaves outputs of another stack unknown when they are not given, and warns", async () => {
  const plan = await planOf(function program() {
    return { theirs: new pulumi.StackReference("organization/other/prod").getOutput("url") };
  });
  expect(plan.outputs).toEqual({ theirs: new Unknown() });
  expect(plan.messages).toMatchObject([{ severity: "warning", text: expect.stringContaining("organization/other/prod") }]);
});

it("returns the given result of a provider function, with secrets marked", async () => {
  const plan = await planOf(
    () => ({
      name: digitalocean.getRegionOutput({ slug: "nyc3" }).name,
      plain: digitalocean.getRegion({ slug: "ams3" }).then((r) => r.name),
    }),
    { invokes: (_token, { slug }) => (slug === "nyc3" ? { name: new Secret("New York 3") } : { name: "Amsterdam 3" }) },
  );
  expect(plan.outputs).toEqual({ name: new Secret("New York 3"), plain: "Amsterdam 3" });
});

it("leaves the result of a provider function unknown, and warns once", async () => {
  const plan = await planOf(() => ({
    here: digitalocean.getRegionOutput({ slug: "nyc3" }).name,
    there: digitalocean.getRegionOutput({ slug: "fra1" }).name,
  }));
  expect(plan.outputs).toEqual({ here: new Unknown(), there: new Unknown() });
  expect(plan.messages.map(({ text }) => text)).toEqual([expect.stringContaining("getRegion")]);
});

it("records log messages with their resource and without secrets", async () => {
  const plan = await planOf(
    function program() {
      const group = new pulumi.ComponentResource("test:index:Group", "group");
      pulumi.log.warn(`do not tell ${new pulumi.Config().require("token")}`, group);
      pulumi.log.info("hello");
      pulumi.log.debug("not shown");
    },
    { config: { "p:token": "hush-hush" }, secretKeys: ["p:token"] },
  );
  expect(plan.messages).toEqual([
    { severity: "warning", text: "do not tell [secret]", urn: "urn:pulumi:s::p::test:index:Group::group" },
    { severity: "info", text: "hello" },
  ]);
});

it("applies invoke transforms before the function is answered", async () => {
  const plan = await planOf(
    () => {
      pulumi.runtime.registerInvokeTransform(async ({ args, opts }) => ({ args: { ...args, slug: "ams3" }, opts }));
      return { name: digitalocean.getRegionOutput({ slug: "nyc3" }).name };
    },
    { invokes: (_token, { slug }) => ({ name: `region ${slug}` }) },
  );
  expect(plan.outputs).toEqual({ name: "region ams3" });
});
