/** Exported states and event logs: one that Pulumi's own CLI wrote, and what it writes, by hand. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { $ } from "zx";
import { describeWithPulumi } from "../../tests/pulumi.ts";
import { withProject } from "../testing/programs.ts";
import { eventFaults } from "./events.ts";
import { stateFaults } from "./state.ts";

const CIPHER = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:mC1vZ4Lx:Qb8Tn2" };
const SHOWN = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"Xk29fLq8TzP1"' };
const PASSWORD = "Xk29fLq8TzP1";
const LOGIN = ["postgres", "://doadmin:", PASSWORD, "@db-1.ondigitalocean.com:25060/shop"].join("");

const CLUSTER = {
  urn: "urn:pulumi:prod::shop::digitalocean:index/databaseCluster:DatabaseCluster::db",
  type: "digitalocean:index/databaseCluster:DatabaseCluster",
  inputs: { engine: "pg", size: "db-s-1vcpu-1gb" },
  outputs: { host: "db-1.ondigitalocean.com", user: "doadmin", password: CIPHER, uri: CIPHER, privateUri: CIPHER },
};
const STACK = {
  urn: "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod",
  type: "pulumi:pulumi:Stack",
  outputs: { url: "https://shop.example", key: CIPHER },
};
const APP = {
  urn: "urn:pulumi:prod::shop::digitalocean:index/app:App::shop",
  type: "digitalocean:index/app:App",
  outputs: { spec: { services: [{ name: "api", envs: [{ key: "LOG_LEVEL", value: CIPHER, scope: "RUN_TIME" }] }] } },
};

const stateOf = (...resources: readonly object[]) =>
  JSON.stringify({ version: 3, deployment: { manifest: {}, secrets_providers: {}, resources } });
const found = (...resources: readonly object[]) =>
  stateFaults(stateOf(...resources), "state.json").map(({ rule, flow }) => [rule, flow[0]?.urn, flow[0]?.path]);

describe("an exported state", () => {
  it("without plain secrets has no finding", () => {
    expect(found(STACK, CLUSTER, APP)).toEqual([]);
    expect(found()).toEqual([]);
  });

  it("has a finding for a provider's secret that is not encrypted, by URN and path", () => {
    expect(found({ ...CLUSTER, outputs: { ...CLUSTER.outputs, password: PASSWORD } })).toEqual([
      ["state-plaintext", CLUSTER.urn, "outputs.password"],
    ]);
  });

  it("has a finding for a stack output that contains a login", () => {
    expect(found({ ...STACK, outputs: { database: { url: LOGIN } } })).toEqual([["state-plaintext", STACK.urn, "outputs.database.url"]]);
  });

  it("has a finding for a variable of an app that is not encrypted", () => {
    const spec = { services: [{ name: "api", envs: [{ key: "KEY", value: "x" }] }] };
    expect(found({ ...APP, outputs: { spec } })).toEqual([["state-plaintext", APP.urn, "outputs.spec.services[0].envs[0].value"]]);
  });

  it("has a finding for a generated password, and for a token of a provider", () => {
    const password = {
      urn: "urn:pulumi:prod::shop::random:index/randomPassword:RandomPassword::jwt",
      type: "random:index/randomPassword:RandomPassword",
      outputs: { result: PASSWORD },
    };
    const provider = {
      urn: "urn:pulumi:prod::shop::pulumi:providers:digitalocean::default",
      type: "pulumi:providers:digitalocean",
      inputs: { token: "local" },
    };
    expect(found(password, provider).map(([rule, , at]) => [rule, at])).toEqual([
      ["state-plaintext", "outputs.result"],
      ["state-plaintext", "inputs.token"],
    ]);
  });

  it("that was exported with --show-secrets has a finding for each secret, without its value", () => {
    const faults = stateFaults(stateOf({ ...CLUSTER, outputs: { ...CLUSTER.outputs, password: SHOWN } }), "state.json");
    expect(faults.map(({ rule }) => rule)).toEqual(["state-shown"]);
    expect(JSON.stringify(faults)).not.toContain(PASSWORD);
  });

  it.each([
    ["not JSON", "resources:", /state\.json is not JSON .* pulumi stack export --file state\.json/],
    ["another JSON", "{}", /state\.json is not an exported state of version 3/],
    ["an older version", JSON.stringify({ version: 2, deployment: {} }), /version 3/],
  ])("that is %s is refused with the command that exports one", (_, text, says) => {
    expect(() => stateFaults(text, "state.json")).toThrow(says);
  });
});

describe("an engine event log", () => {
  const event = (text: string) =>
    JSON.stringify({ sequence: 4, timestamp: 1, diagnosticEvent: { urn: CLUSTER.urn, message: text, severity: "info" } });

  it("is searched for logins and tokens, which are reported with the event and its resource", () => {
    const faults = eventFaults(`${event("all is well")}\n${event(`connecting to ${LOGIN}`)}\n`, "events.json");
    expect(faults.map(({ rule, flow }) => [rule, flow[0]?.urn])).toEqual([["event-plaintext", CLUSTER.urn]]);
    expect(faults[0]!.message).toContain("in event 2");
    expect(JSON.stringify(faults)).not.toContain(PASSWORD);
  });

  it("is refused with the line that is not an event", () => {
    expect(() => eventFaults(`${event("well")}\nnot an event`, "events.json")).toThrow(/^events\.json:2: not an event of Pulumi/);
  });
});

describeWithPulumi("a state that Pulumi's CLI exported", (cli) => {
  const PROGRAM = `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  const key = new pulumi.Config("shop").requireSecret("stripe");
  return { key, nested: { deep: [pulumi.interpolate\`\${key}!\`] }, url: "https://shop.example", login: ${JSON.stringify(LOGIN)} };
}
`;
  const FILES = {
    "index.ts": PROGRAM,
    "Pulumi.yaml": "name: shop\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
    "Pulumi.test.yaml": "",
  };

  it("has findings only for values that the program did not mark, and for all when exported in plain text", async () => {
    const state = mkdtempSync(path.join(tmpdir(), "slipway state "));
    try {
      await withProject(FILES, async (directory) => {
        const env = {
          ...process.env,
          PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
          PULUMI_BACKEND_URL: `file://${state}`,
          PULUMI_CONFIG_PASSPHRASE: "audit-test",
          PULUMI_SKIP_UPDATE_CHECK: "true",
        };
        const pulumi = async (...args: readonly string[]) => {
          const { exitCode, stdall } = await $({
            env,
            cwd: directory,
            nothrow: true,
            quiet: true,
          })`${cli} ${args} --non-interactive --color never`;
          expect(exitCode, stdall).toBe(0);
        };
        const read = (name: string) => stateFaults(readFileSync(path.join(directory, name), "utf8"), name);
        await pulumi("stack", "init", "test");
        await pulumi("config", "set", "--secret", "shop:stripe", "a-key-of-stripes");
        await pulumi("up", "--yes", "--skip-preview");
        await pulumi("stack", "export", "--file", "state.json");
        await pulumi("stack", "export", "--show-secrets", "--file", "shown.json");
        expect(read("state.json").map(({ rule, flow }) => [rule, flow[0]!.path])).toEqual([["state-plaintext", "outputs.login"]]);
        const shown = read("shown.json");
        expect(shown.filter(({ rule }) => rule === "state-shown").map(({ flow }) => flow[0]!.path)).toEqual([
          "outputs.key",
          "outputs.nested.deep[0]",
        ]);
        expect(JSON.stringify(shown)).not.toContain("a-key-of-stripes");
      });
    } finally {
      rmSync(state, { recursive: true, force: true });
    }
  });
});
