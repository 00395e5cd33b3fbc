import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startSlipway } from "../../cli/testing/slipway.ts";
import type { Backing } from "../../local/cloud/backing.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

/** Clusters are polled every 15 seconds and apps every 10, by the provider. */
const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:systems": ["candlefish"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": {
    layout: "shared",
    version: "15",
    size: "db-s-2vcpu-4gb",
    nodes: 1,
    replicas: [{ name: "read", region: "nyc1", size: "db-s-2vcpu-4gb" }],
  },
  "slipway:valkey": { layout: "single", version: "8" },
};

/** Each waits for the provider's next poll, also on a busy machine. */
const FIVE_UPS_MS = 900_000;

interface Deployment {
  readonly resources: readonly { readonly urn: string; readonly type: string; readonly custom?: boolean; readonly protect?: boolean }[];
  readonly pending_operations?: readonly object[];
}

type Interrupted = "placeCluster" | "createUser" | "placeApp";

interface Step {
  readonly op: string;
  readonly urn: string;
}

describeWithPulumi("slipway recover", (cli) => {
  let stack: Stack;
  /** Called when the API acts on a request. */
  let onCall: (method: Interrupted) => void = () => {};

  beforeAll(async () => {
    const { placeCluster, createUser, placeApp } = recordOnly;
    const backing: Backing = {
      ...recordOnly,
      placeCluster: (...args) => {
        onCall("placeCluster");
        return placeCluster(...args);
      },
      createUser: (...args) => {
        onCall("createUser");
        return createUser(...args);
      },
      placeApp: (...args) => {
        onCall("placeApp");
        return placeApp(...args);
      },
    };
    stack = await startStack(cli, config, { backing, spaces: true });
  });
  afterAll(() => stack?.remove());

  async function slipway(command: string, ...flags: string[]) {
    const { code, stdout, stderr } = await startSlipway(
      [command, "-s", "test", "--cwd", stack.program, ...flags],
      withoutUnset(stack.environment),
    );
    expect(stdout + stderr, "no output has a credential").not.toMatch(/AVNS_|EV\[/);
    return { code, stdout, stderr };
  }

  async function recover(): Promise<string> {
    const { code, stdout, stderr } = await slipway("recover", "--yes");
    expect(code, stdout + stderr).toBe(0);
    return stdout;
  }

  const exported = async () => (JSON.parse(await stack.succeed("stack", "export")) as { deployment: Deployment }).deployment;

  const protectedUrns = async () => new Set((await exported()).resources.flatMap(({ urn, protect }) => (protect ? [urn] : [])));

  /** `up`, whose preview replaces and deletes nothing at DigitalOcean, and a preview without changes. */
  async function converge(): Promise<void> {
    const { steps } = JSON.parse(await stack.succeed("preview", "--json")) as { steps: readonly Step[] };
    const lost = steps.filter(({ op, urn }) => /replace|delete/.test(op) && urn.includes("digitalocean:"));
    expect(lost.map(({ op, urn }) => `${op} ${urn}`)).toEqual([]);
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("preview", "--expect-no-changes");
    expect(await slipway("drift")).toMatchObject({ code: 0, stdout: expect.stringContaining("the state matches the account") });
  }

  it("imports what an up left behind that was killed while it created clusters, users and apps; the last one converges", {
    timeout: FIVE_UPS_MS,
  }, async () => {
    await killUp("placeCluster", 2);
    expect(await left()).toMatch(/- DatabaseCluster: (shared-postgres-test|candlefish-single-valkey-test)/);
    await recover();

    await killUp("createUser", 3);
    const text = await left();
    expect(text).toMatch(/- DatabaseUser in shared-postgres-test: candlefish/);
    expect(text).toMatch(/Operations that an interrupted run never finished\n {2}- creating DatabaseUser/);
    expect(text).toContain("pulumi cancel -s test --yes");
    await recover();

    await killUp("placeApp", 1);
    expect(await left()).toMatch(/- App: \S+-candlefish-test/);
    await recover();
    await converge();
  });

  /** Runs `up` until the API acts on this request, and kills it there. */
  async function killUp(method: Interrupted, count: number): Promise<void> {
    const { kill, ended } = startUp(stack);
    let calls = 0;
    onCall = (called) => {
      if (called === method && ++calls === count) kill();
    };
    const { output } = await ended;
    onCall = () => {};
    // Another request of the same kind may have been in flight.
    expect(calls, output).toBeGreaterThanOrEqual(count);
  }

  async function left(): Promise<string> {
    const { code, stdout, stderr } = await slipway("recover");
    if (code === 0) return stdout;
    // The kill may hit the CLI while it writes a file of its backend: then the printed command repairs it.
    const [, file = ""] = /\n {2}rm '(.+)'/.exec(stderr) ?? [];
    expect(file, stderr).toMatch(/\/test\.json\.attrs$/);
    rmSync(file);
    return left();
  }

  it("deletes the unfinished file of a backend in a folder, without which Pulumi reads the state", async () => {
    const attributes = join(fileURLToPath(stack.environment.PULUMI_BACKEND_URL!), ".pulumi/stacks/slipway/test.json.attrs");
    writeFileSync(attributes, "");
    expect((await stack.pulumi("stack", "export")).output).toContain("failed to load checkpoint: EOF");
    expect(await slipway("drift")).toMatchObject({ code: 1, stderr: expect.stringContaining(`rm '${attributes}'`) });
    await recover();
    expect((await slipway("drift")).code).toBe(0);
  });

  it("imports resources of every type, with the components that contain them, and nothing is replaced", async () => {
    const before = await protectedUrns();
    const removed = await removeFromState(
      ({ type, custom }) => type.startsWith("digitalocean:") || (custom !== true && type !== "pulumi:pulumi:Stack"),
    );
    expect([...removed].sort()).toEqual([
      ...["App", "DatabaseCluster", "DatabaseConnectionPool", "DatabaseDb", "DatabaseFirewall", "DatabasePostgresqlConfig"],
      ...[
        "DatabaseReplica",
        "DatabaseUser",
        "DatabaseValkeyConfig",
        "MonitorAlert",
        "Project",
        "ProjectResources",
        "SpacesBucket",
        "SpacesKey",
      ],
      ...["UptimeAlert", "UptimeCheck", "Vpc"],
    ]);
    expect((await slipway("drift")).code).toBe(10);
    await recover();
    const { resources } = await exported();
    const unprotected = resources.filter(({ type, protect }) => type.endsWith(":DatabaseCluster") && protect !== true);
    expect(unprotected, "should an up plan to replace one, it stops").toEqual([]);
    await converge();
    expect(await protectedUrns(), "the up sets what the program says").toEqual(before);
  });

  it("imports what the API created before the connection was cut", async () => {
    await removeFromAccountAndState("user-candlefish_readonly", async (pg) =>
      stack.delete(`/v2/databases/${pg}/users/candlefish_readonly`),
    );
    stack.faults.add({ match: "POST /v2/databases/*/users", times: 1, fault: { drop: "after-commit" } });
    expect((await stack.pulumi("up", "--yes", "--skip-preview")).code).not.toBe(0);
    const { output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(output).toContain("user name is not available");
    await recover();
    await converge();
  });

  it("reads again what was edited, deleted and created again by hand; up puts it back", async () => {
    const pg = await cluster("pg");
    await stack.put(`/v2/databases/${pg}/firewall`, { rules: [{ type: "ip_addr", value: "198.51.100.7" }] });
    await stack.delete(`/v2/databases/${pg}/users/candlefish_owner`);
    await stack.post(`/v2/databases/${pg}/users`, { name: "candlefish_owner" });
    await stack.delete(`/v2/databases/${pg}/pools/candlefish_collaboration`);
    const { stdout, code } = await slipway("drift");
    expect(code).toBe(10);
    expect(stdout).toMatch(/gone from the account\n {2}- DatabaseConnectionPool candlefish_collaboration in shared-postgres-test/);
    expect(stdout).toContain("rules: ip_addr 10.124.0.0/20 in the state, ip_addr 198.51.100.7 in the");
    await recover();
    await converge();
    const { rules } = (await stack.get(`/v2/databases/${pg}/firewall`)) as { rules: { value: string }[] };
    expect(rules.map(({ value }) => value)).toEqual(["10.124.0.0/20"]);
    const { user } = (await stack.get(`/v2/databases/${pg}/users/candlefish_owner`)) as { user: { password: string } };
    expect(await stack.succeed("stack", "export", "--show-secrets")).toContain(user.password);
  });

  it("takes over a cluster that was created again under its name, with what is in it", async () => {
    const old = await cluster("valkey");
    const { database } = (await stack.get(`/v2/databases/${old}`)) as { database: Record<string, unknown> };
    await stack.delete(`/v2/databases/${old}`);
    const { name, engine, version, region, size, num_nodes, private_network_uuid } = database;
    await stack.post("/v2/databases", { name, engine, version, region, size, num_nodes, private_network_uuid });
    const id = await cluster("valkey");
    await vi.waitFor(async () => expect(await stack.get(`/v2/databases/${id}`)).toMatchObject({ database: { status: "online" } }), 60_000);
    const { stdout } = await slipway("drift");
    expect(stdout).toContain("Created again in the account, with another id");
    await recover();
    await converge();
    expect(await cluster("valkey")).toBe(id);
  });

  it("keeps passwords and tokens out of the import file", () => {
    expect(readFileSync(join(stack.program, ".slipway/recover-test.json"), "utf8")).not.toMatch(/AVNS_|EV\[|engine-test/);
  });

  /** Edits an export, as an operator could: `pulumi state delete` takes one resource at a time. @returns the types that were removed. */
  async function removeFromState(isRemoved: (resource: Deployment["resources"][number]) => boolean): Promise<ReadonlySet<string>> {
    const whole = JSON.parse(await stack.succeed("stack", "export")) as { deployment: { resources: Record<string, unknown>[] } };
    const all = whole.deployment.resources as unknown as Deployment["resources"];
    const removed = all.filter(isRemoved);
    const urns = new Set<unknown>(removed.map(({ urn }) => urn));
    const kept = (list: unknown) => ((list ?? []) as unknown[]).filter((urn) => !urns.has(urn));
    const resources = whole.deployment.resources
      .filter(({ urn }) => !urns.has(urn))
      .map(({ deletedWith, parent, propertyDependencies, ...resource }) => ({
        ...resource,
        dependencies: kept(resource.dependencies),
        propertyDependencies: Object.fromEntries(Object.entries(propertyDependencies ?? {}).map(([key, list]) => [key, kept(list)])),
        ...(deletedWith === undefined || urns.has(deletedWith) ? {} : { deletedWith }),
        ...(parent === undefined || urns.has(parent) ? {} : { parent }),
      }));
    const file = join(stack.program, "edited.json");
    writeFileSync(file, JSON.stringify({ ...whole, deployment: { ...whole.deployment, resources } }));
    await stack.succeed("stack", "import", "--file", file);
    return new Set(removed.filter(({ custom }) => custom).map(({ type }) => type.split(":").at(-1)!));
  }

  async function removeFromAccountAndState(name: string, remove: (pg: string) => Promise<void>): Promise<void> {
    await remove(await cluster("pg"));
    await removeFromState(({ urn }) => urn.endsWith(`-${name}`));
  }

  async function cluster(engine: string): Promise<string> {
    const { databases } = (await stack.get("/v2/databases")) as unknown as { databases: { id: string; engine: string }[] };
    return databases.find((one) => one.engine === engine)!.id;
  }
});

/** Runs `up`, and kills the CLI with its plugins as an out-of-memory killer or a lost machine does. */
function startUp(stack: Stack) {
  const { process: child, ended } = stack.start("up", "--yes", "--skip-preview");
  const kill = () => {
    const plugins = execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean)
      .map(Number);
    for (const pid of [child.pid!, ...plugins]) process.kill(pid, "SIGKILL");
  };
  return { kill, ended };
}

function withoutUnset(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
