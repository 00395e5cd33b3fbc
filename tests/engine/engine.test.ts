import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

/** Clusters are polled every 15 seconds and apps every 10, by the provider. */
const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:systems": ["fluxstudio", "devx", "candlefish"],
  "slipway:region": "nyc1",
  "slipway:protect": "false",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "split", version: "8" },
  // Buckets want a Spaces endpoint; this stack's has none.
  "slipway:backups": { enabled: false },
};

describeWithPulumi("a stack under Pulumi's engine", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config);
  });
  afterAll(() => stack?.remove());

  it("is previewed without an account", async () => {
    const output = await stack.succeed("preview");
    expect(output).toMatch(/\+ \d+ to create/);
    expect(stack.requests()).toEqual([]);
  });

  it("comes up, with every request answered, and each firewall before anything else of its cluster", async () => {
    const output = await stack.succeed("up", "--yes", "--skip-preview");
    expect(output).toMatch(/\+ \d+ created/);
    expect(output).not.toContain("does not support customTimeouts");
    const requests = stack.requests();
    expect(requests.filter((request) => !/ 20\d$/.test(request))).toEqual([]);
    const clusters = new Set(requests.flatMap((request) => /\/v2\/databases\/([0-9a-f-]{36})/.exec(request)?.[1] ?? []));
    expect(clusters.size).toBe(3);
    for (const id of clusters) {
      // The provider sends a cluster's own settings while it creates it; no client connects for those.
      const own = /(maintenance|eviction_policy|autoscale) /;
      const writes = requests.filter((request) => request.includes(id) && !request.startsWith("GET") && !own.test(request));
      expect(writes[0]).toBe(`PUT /v2/databases/${id}/firewall 204`);
    }
  });

  it("shows no change at all in a second preview, although SECRET variables exist", async () => {
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("sends a rotated secret, to every app that reads it, and is quiet again after it [C8]", async () => {
    const before = await secretsOf(stack);
    const [jwtSecret] = await jwtSecrets(stack);
    expect(jwtSecret).toMatch(/^.{32,}$/);
    expect(await jwtSecrets(stack)).toEqual([jwtSecret, jwtSecret, jwtSecret]);
    await stack.succeed("config", "set", "slipway:rotated", "2026-11-01");
    await stack.succeed("up", "--yes", "--skip-preview");
    const after = await secretsOf(stack);
    expect(Object.keys(after).toSorted()).toEqual([
      "brand-portal-candlefish-test",
      "fluxstudio-test",
      "paintbox-candlefish-test",
      "rtpm-api-candlefish-test",
    ]);
    for (const app of Object.keys(after)) expect(after[app]).not.toEqual(before[app]);
    const [rotated] = await jwtSecrets(stack);
    expect(await jwtSecrets(stack)).toEqual([rotated, rotated, rotated]);
    expect(rotated).toMatch(/^.{32,}$/);
    expect(rotated).not.toBe(jwtSecret);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is quiet after a refresh, when the state holds DigitalOcean's ciphertext", async () => {
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("sends a change of one plain variable and leaves the encrypted ones as they are", async () => {
    const before = await secretsOf(stack);
    await stack.succeed("config", "set", "--path", 'slipway:fluxstudio.connections["api/DB_POOL_MAX"]', "20");
    await stack.succeed("up", "--yes", "--skip-preview");
    const after = await secretsOf(stack);
    expect(after["rtpm-api-candlefish-test"]).toEqual(before["rtpm-api-candlefish-test"]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("keeps every secret out of the exported state, but for envelopes", async () => {
    const shown = JSON.parse(await stack.succeed("stack", "output", "--json", "--show-secrets")) as Record<string, unknown>;
    const passwords = JSON.stringify(shown.connections)
      .match(/:\/\/[^:]+:([^@]+)@/g)!
      .map((login) => login.replace(/^.*:/, "").slice(0, -1));
    const { deployment } = JSON.parse(await stack.succeed("stack", "export")) as { deployment: unknown };
    const state = JSON.stringify(deployment);
    expect(passwords.length).toBeGreaterThan(10);
    for (const password of passwords) expect(state).not.toContain(password);
  });

  it("refuses to destroy what is protected, and destroys nothing of it", async () => {
    await stack.succeed("config", "set", "slipway:protect", "true");
    await stack.succeed("up", "--yes", "--skip-preview");
    stack.requests();
    const { code, output } = await stack.pulumi("destroy", "--yes");
    expect(code).not.toBe(0);
    expect(output).toContain("because it is protected");
    expect(stack.requests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("is destroyed, apps before firewalls before clusters before the network, and leaves nothing behind", async () => {
    await stack.succeed("config", "set", "slipway:protect", "false");
    await stack.succeed("up", "--yes", "--skip-preview");
    stack.requests();
    await stack.succeed("destroy", "--yes");
    const requests = stack.requests();
    expect(requests.filter((request) => request.includes("/firewall") && request.startsWith("PUT"))).toEqual([]);
    expect(lastOf(requests, "DELETE /v2/apps/")).toBeLessThan(firstOf(requests, "DELETE /v2/databases/"));
    expect(lastOf(requests, "DELETE /v2/databases/")).toBeLessThan(firstOf(requests, "DELETE /v2/vpcs/"));
    for (const [path, key] of Object.entries({
      vpcs: "vpcs",
      databases: "databases",
      apps: "apps",
      "uptime/checks": "checks",
      "monitoring/alerts": "policies",
    })) {
      expect((await stack.get(`/v2/${path}`))[key], path).toEqual([]);
    }
    expect((await stack.get("/v2/projects")).projects).toHaveLength(1);
  });
});

/** Ciphertext by app name and variable, as the API returns it. */
async function secretsOf(stack: Stack): Promise<Record<string, Record<string, string>>> {
  const { apps } = (await stack.get("/v2/apps?per_page=200")) as unknown as { apps: { spec: Spec }[] };
  const found = apps.map(({ spec }) => {
    const envs = (spec.services ?? []).flatMap(({ envs = [] }) => envs).filter(({ type }) => type === "SECRET");
    return [spec.name, Object.fromEntries(envs.map(({ key, value }) => [key, value]))] as const;
  });
  return Object.fromEntries(found.filter(([, secrets]) => Object.keys(secrets).length > 0));
}

/** The plaintext that each of Candlefish's apps is deployed with. */
async function jwtSecrets(stack: Stack): Promise<(string | undefined)[]> {
  const { apps } = (await stack.get("/v2/apps?per_page=200")) as unknown as { apps: { id: string; spec: Spec }[] };
  return apps
    .filter(({ spec }) => spec.name.includes("-candlefish-"))
    .flatMap(({ id, spec }) => (spec.services ?? []).flatMap(({ envs = [] }) => envs.map((env) => ({ id, ...env }))))
    .filter(({ key }) => key === "JWT_SECRET")
    .map(({ id, value }) => stack.decrypt(id, value));
}

interface Spec {
  readonly name: string;
  readonly services?: readonly { readonly envs?: readonly { readonly key: string; readonly value: string; readonly type?: string }[] }[];
}

const firstOf = (requests: readonly string[], start: string) => requests.findIndex((request) => request.startsWith(start));
const lastOf = (requests: readonly string[], start: string) => requests.findLastIndex((request) => request.startsWith(start));
