import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { Secret } from "./plan.ts";
import { type Program, type RecordOptions, record } from "./record.ts";

const outputsOf = async (program: Program, options: Partial<RecordOptions> = {}) =>
  (await record(program, { project: "p", stack: "s", ...options })).outputs;

const promiseOf = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => void output.apply(resolve as never));

const vpc = (name = "net") => new digitalocean.Vpc(name, { region: "nyc3", description: pulumi.secret("hush") });

it("gives an output that is asked for late the same value, marks and dependencies as one that is asked for at once", async () => {
  const answered = { outputs: () => ({ id: "1", ipRange: "10.0.0.0/24" }) };
  const outputs = await outputsOf(async function program() {
    const early = vpc();
    const [ipRange, description] = [early.ipRange, early.description];
    await promiseOf(early.urn);
    const resources = await Promise.all(
      [ipRange, early.ipRange].map((it) => (it as unknown as { allResources(): Promise<Set<unknown>> }).allResources()),
    );
    return {
      ranges: [ipRange, early.ipRange, early.default],
      descriptions: [description, early.description],
      needs: resources.map((all) => all.has(early)),
    };
  }, answered);
  expect(outputs).toMatchObject({
    ranges: ["10.0.0.0/24", "10.0.0.0/24", expect.anything()],
    descriptions: [new Secret("hush"), new Secret("hush")],
    needs: [true, true],
  });
});

it("makes each output once, lists it among the resource's own, and lets a subclass put another in its place", async () => {
  await outputsOf(function program() {
    const net = vpc();
    expect(net.ipRange).toBe(net.ipRange);
    expect(Object.keys(net)).toEqual(expect.arrayContaining(["ipRange", "region", "urn", "id"]));
    const mine = pulumi.output("10.1.0.0/16");
    Object.assign(net, { ipRange: mine });
    expect(net.ipRange).toBe(mine);
  });
});

it("hands a function that captures a resource over in the same words as Pulumi does", async () => {
  const texts = await outputsOf(async function program() {
    const [net, read] = [vpc("net"), vpc("read")];
    void [read.region, read.ipRange, read.description].map((output) => output.apply((value) => value));
    const textOf = async (resource: digitalocean.Vpc) => (await pulumi.runtime.serializeFunction(() => resource.ipRange.get())).text;
    return { late: await textOf(net), early: await textOf(read) };
  });
  expect(String(texts.late).replaceAll("net", "read")).toBe(String(texts.early).replaceAll("net", "read"));
  expect(String(texts.late).length).toBeLessThan(5000);
});

it("fails those that are asked for with their resource, and with them whoever waits", async () => {
  const refused = record(
    async function program() {
      const net = new digitalocean.Vpc("net", { region: pulumi.output(Promise.reject(new pulumi.RunError("no such region"))) });
      await promiseOf(net.ipRange);
    },
    { project: "p", stack: "s" },
  );
  await expect(refused).rejects.toThrow(/^no such region$/);
});
