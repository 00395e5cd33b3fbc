import { describe, expect, it } from "vitest";
import { ProjectError } from "../engine/projecterror.ts";
import { engineVerdict, readEvents } from "./events.ts";
import { type Change, reviewSample } from "./testing/sample-program.ts";

const CLUSTER = "urn:pulumi:prod::harbour::digitalocean:index/databaseCluster:DatabaseCluster::orders";
const APP = "urn:pulumi:prod::harbour::digitalocean:index/app:App::orders-app";
const STACK = "urn:pulumi:prod::harbour::pulumi:pulumi:Stack::harbour-prod";

/** As Pulumi 3.259 writes it, reduced to the fields that are read. */
function log(...steps: readonly (readonly [op: string, urn: string, diffs?: readonly string[]])[]): string {
  const lines = [["same", STACK] as const, ...steps].map(([op, urn, diffs]) => ({
    resourcePreEvent: {
      metadata: { op, urn, type: urn.split("::")[2], diffs, detailedDiff: null, logical: true, provider: "" },
      planning: true,
    },
  }));
  return [{ preludeEvent: { config: {} } }, ...lines, { summaryEvent: { resourceChanges: {} } }]
    .map((event, sequence) => JSON.stringify({ sequence, timestamp: 1795251645, ...event }))
    .join("\n");
}

const nothing: Change = () => {};
const larger: Change = (sample) => {
  sample.postgres.size = "db-s-4vcpu-8gb";
};

async function merged(head: Change, text: string) {
  const { resources } = await reviewSample(nothing, head);
  return engineVerdict(readEvents(text, "events.ndjson").get("prod")!, resources, { resources: [] } as never);
}

describe("the real engine's event log", () => {
  it("has no contradiction if Pulumi does what the programs declare, and counts a replacement once", async () => {
    const { steps, contradictions } = await merged(larger, log(["update", CLUSTER, ["size"]], ["same", APP]));
    expect(contradictions).toEqual([]);
    expect(steps).toEqual([{ op: "update", urn: CLUSTER, type: "digitalocean:index/databaseCluster:DatabaseCluster", keys: ["size"] }]);

    const replacement = ["create-replacement", "replace", "delete-replaced"].map((op) => [op, CLUSTER, ["name"]] as const);
    const replaced = await merged(
      (sample) => {
        sample.postgres.name = "orders-2";
      },
      log(...replacement),
    );
    expect(replaced.steps.map(({ op }) => op)).toEqual(["replace"]);
    expect(replaced.contradictions.map(({ urn }) => urn)).not.toContain(CLUSTER);
  });

  it("shows a replacement that the programs do not show as danger", async () => {
    const { contradictions } = await merged(larger, log(["replace", CLUSTER, ["engine"]], ["same", APP]));
    expect(contradictions).toEqual([
      {
        urn: CLUSTER,
        ours: "update",
        engines: "replace",
        meaning: "Pulumi replaces it (engine), which the programs do not show: its contents are lost",
        risk: "danger",
      },
    ]);
  });

  it("names DigitalOcean's new ciphertext if an app changes that no commit changed", async () => {
    const { contradictions } = await merged(nothing, log(["same", CLUSTER], ["update", APP, ["spec"]]));
    expect(contradictions).toMatchObject([{ urn: APP, ours: "no change", engines: "update", risk: "care" }]);
    expect(contradictions[0]?.meaning).toContain("terraform-provider-digitalocean#1603");
  });

  it("names the change that was never applied if the component of the app shows one", async () => {
    const state = (level: string) => ({ inputs: { components: { api: `service\nLOG_LEVEL=${level}` } } });
    const component = { op: "update", urn: "urn:pulumi:prod::harbour::slipway:index:App::orders", type: "slipway:index:App" };
    const update = { sequence: 9, resourcePreEvent: { metadata: { ...component, old: state("info"), new: state("debug") } } };
    const { contradictions } = await merged(nothing, `${log(["same", CLUSTER], ["update", APP, ["spec"]])}\n${JSON.stringify(update)}`);
    expect(contradictions.find(({ urn }) => urn === APP)?.meaning).toBe(
      "an earlier change was never applied: api LOG_LEVEL; it is redeployed, and its jobs run again",
    );
  });

  it("expects that the token of an app's variables changes with a secret, which no program shows", async () => {
    const token = "urn:pulumi:prod::harbour::pulumi-nodejs:dynamic/slipway:SentVariables::orders-variables";
    expect((await merged(nothing, log(["same", CLUSTER], ["update", token, ["variables"]]))).contradictions).toEqual([]);
  });

  it("reports what exists undeclared, and what is declared and does not change", async () => {
    const forgotten = `${CLUSTER}-old`;
    const { contradictions } = await merged(larger, log(["same", APP], ["delete", forgotten]));
    expect(contradictions).toMatchObject([
      { urn: forgotten, ours: "not declared", engines: "delete", risk: "danger" },
      { urn: CLUSTER, ours: "update", engines: "no change", risk: "routine" },
    ]);
  });

  it("reports one line for a stack that was never deployed", async () => {
    const { contradictions } = await merged(larger, log(["create", CLUSTER], ["create", APP]));
    expect(contradictions).toMatchObject([{ urn: "the stack", risk: "routine" }]);
  });

  it("contains the policy violations that Pulumi's JSON leaves out", async () => {
    const violation = {
      policyName: "no-public-bucket",
      policyPackName: "slipway",
      enforcementLevel: "mandatory",
      resourceUrn: APP,
      message: "It is public.",
    };
    const { policies } = await merged(larger, `${log(["update", CLUSTER])}\n${JSON.stringify({ sequence: 9, policyEvent: violation })}`);
    expect(policies).toEqual([{ policy: "slipway no-public-bucket", level: "mandatory", urn: APP, message: "It is public." }]);
  });

  it("names each variable and setting of an app that changes, which Pulumi hides, and of a secret only that it changes", () => {
    const text = (level: string, key: number, size: string) =>
      `service\nrepository acme/shop\nsize ${size}\ninstances 1\nalert CPU_UTILIZATION above 80 for TEN_MINUTES\nLOG_LEVEL=${level}\nSIGNING_KEY=secret, version ${key}`;
    const state = (api: string) => ({ inputs: { app: "name shop\nregion nyc", components: { api, worker: "worker\nMODE=fast" } } });
    const urn = "urn:pulumi:prod::harbour::slipway:index:App::shop";
    const update = (old: object, now: object) =>
      JSON.stringify({
        sequence: 9,
        resourcePreEvent: { metadata: { op: "update", urn, type: "slipway:index:App", old, new: now, detailedDiff: null } },
      });
    const changes = (line: string) => engineVerdict(readEvents(line, "events.ndjson").get("prod")!, [], { resources: [] } as never).apps;
    expect(changes(update(state(text("info", 1, "small")), state(text("debug", 2, "small"))))).toEqual([
      { app: "shop", part: "api", fact: "LOG_LEVEL", before: "info", after: "debug" },
      { app: "shop", part: "api", fact: "SIGNING_KEY", before: "secret, version 1", after: "secret, version 2" },
    ]);
    expect(changes(update(state(text("info", 1, "small")), state(`${text("info", 1, "large")}\nNEW=a=b`)))).toEqual([
      { app: "shop", part: "api", fact: "size", before: "small", after: "large" },
      { app: "shop", part: "api", fact: "NEW", after: "a=b" },
    ]);
    expect(changes(update({ inputs: {} }, state(text("info", 1, "small"))))).toEqual([]);
  });

  it("is refused with the line that is not an event", () => {
    expect(() => readEvents(`${log()}\n[warning] nothing`, "events.ndjson")).toThrow(
      new ProjectError(
        "events.ndjson:4: not an event of Pulumi's engine. Write the log with: PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log events.json",
      ),
    );
  });
});
