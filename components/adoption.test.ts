/** Taking over a cluster that exists, by Pulumi's engine and the real provider, against DigitalOcean's API on loopback. */
import { execFile } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { startTestApi, type TestApi, TOKEN, temporaryDirectory } from "../local/api/testing/api.ts";
import { describeWithPulumi } from "../tests/pulumi.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

interface Ran {
  readonly code: number;
  readonly output: string;
}

interface Pulumi {
  (...args: string[]): Promise<Ran>;
  /** Replaces the program. */
  write(source: string): void;
}

interface Step {
  readonly op: string;
  readonly urn: string;
}

describeWithPulumi("a cluster that was created by hand", (cli) => {
  it("is taken over with its data, never made again, kept as it is, and quiet from then on [F3]", async () => {
    const api = await startTestApi();
    const id = await made(api);
    const pulumi = await stack(cli, api, program(`{ cluster: "${id}", databases: ["shop"], users: ["shop"] }`));

    const planned = stepsOf(await succeed(pulumi, "preview", "--json"));
    expect(planned["by-hand-cluster"]).toEqual(["import", "update"]);
    expect(planned["by-hand-db-shop"]).toEqual(["import"]);
    expect(planned["by-hand-user-shop"]).toEqual(["import"]);
    expect(planned["by-hand-user-reader"]).toEqual(["create"]);
    expect(Object.values(planned).flat()).not.toContain("replace");

    const password = (await api.call("GET", `/v2/databases/${id}/users/shop`)).body.user.password;
    await succeed(pulumi, "up", "--yes", "--skip-preview");
    const { database } = (await api.call("GET", `/v2/databases/${id}`)).body;
    expect(database).toMatchObject({ name: "made-by-hand", tags: ["by-hand"], db_names: expect.arrayContaining(["shop"]) });
    expect(database.maintenance_window.day).toBe("sunday");
    expect((await api.call("GET", `/v2/databases/${id}/users/shop`)).body.user.password).toBe(password);
    expect((await api.call("GET", "/v2/databases")).body.databases).toHaveLength(1);

    await succeed(pulumi, "preview", "--expect-no-changes");
    const destroyed = await pulumi("destroy", "--yes");
    expect(destroyed.code).not.toBe(0);
    expect(destroyed.output).toContain("because it is protected");
    expect((await api.call("GET", `/v2/databases/${id}/firewall`)).body.rules).toMatchObject([{ type: "ip_addr", value: "198.51.100.7" }]);
  });

  it("is replaced by its fork only after the state has forgotten it, and is not deleted", async () => {
    const api = await startTestApi();
    const id = await made(api);
    const pulumi = await stack(cli, api, program(`{ cluster: "${id}", databases: ["shop"], users: ["shop"] }`));
    await succeed(pulumi, "up", "--yes", "--skip-preview");
    const fork = await forked(api);
    pulumi.write(program(`"${fork}"`));
    const { code, output } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toMatch(/by-hand-cluster import replacement[\s\S]+marked for protection/);

    const [cluster = ""] = /urn:\S+::by-hand-cluster/.exec(await succeed(pulumi, "stack", "--show-urns")) ?? [];
    await succeed(pulumi, "state", "delete", cluster, "--target-dependents", "--force", "--yes");
    const planned = stepsOf(await succeed(pulumi, "preview", "--json"));
    for (const name of ["cluster", "db-shop", "user-shop", "user-reader"]) expect(planned[`by-hand-${name}`]![0]).toBe("import");
    expect(Object.values(planned).flat()).not.toContain("replace");
    await succeed(pulumi, "up", "--yes", "--skip-preview");
    await succeed(pulumi, "preview", "--expect-no-changes");
    expect((await api.call("GET", "/v2/databases")).body.databases).toMatchObject([{ id }, { id: fork }]);
  });

  it("is refused in a preview, without a stack trace, where it stands in another region", async () => {
    const api = await startTestApi();
    const id = await made(api);
    const pulumi = await stack(cli, api, program(`"${id}"`, "fra1"));
    const { code, output } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toContain(`error: by-hand: adopt: cluster ${id} is in nyc3, and region is "fra1". Set region to "nyc3"`);
    expect(output).not.toMatch(/^\s+at /m);
  });
});

async function made({ call }: TestApi): Promise<string> {
  const cluster = {
    name: "made-by-hand",
    engine: "pg",
    version: "16",
    region: "nyc3",
    size: "db-s-1vcpu-2gb",
    num_nodes: 1,
    tags: ["by-hand"],
  };
  const id = (await call("POST", "/v2/databases", cluster)).body.database.id;
  await expect.poll(async () => (await call("GET", `/v2/databases/${id}`)).body.database.status).toBe("online");
  await call("POST", `/v2/databases/${id}/dbs`, { name: "shop" });
  await call("POST", `/v2/databases/${id}/users`, { name: "shop" });
  return id;
}

/** As `slipway backup fork` requests it. */
async function forked({ call }: TestApi): Promise<string> {
  const size = { engine: "pg", version: "16", region: "nyc3", size: "db-s-1vcpu-2gb", num_nodes: 1 };
  const cluster = { ...size, name: "fork", backup_restore: { database_name: "made-by-hand" } };
  const id = (await call("POST", "/v2/databases", cluster)).body.database.id;
  await expect.poll(async () => (await call("GET", `/v2/databases/${id}`)).body.database.status).toBe("online");
  return id;
}

function program(adopt: string, region = "nyc3"): string {
  return `
import { Postgres } from ${JSON.stringify(join(HERE, "postgres.ts"))};

export default async function program() {
  new Postgres("by-hand", {
    network: { id: "00000000-0000-4000-8000-000000000000", cidr: "198.51.100.7" },
    region: "${region}",
    major: "16",
    size: "db-s-1vcpu-2gb",
    databases: { shop: { users: ["shop", "reader"] } },
    maintenance: { day: "sunday", hour: "04:00" },
    adopt: ${adopt},
  });
}
`;
}

async function stack(cli: string, { api }: TestApi, source: string): Promise<Pulumi> {
  const directory = temporaryDirectory();
  symlinkSync(join(HERE, "..", "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(directory, "Pulumi.yaml"),
    "name: adoption\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  writeFileSync(join(directory, "index.ts"), source);
  const env = {
    ...process.env,
    // The language host starts the first `node` it finds; it must be the one that strips types.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    PULUMI_BACKEND_URL: `file://${directory}`,
    PULUMI_CONFIG_PASSPHRASE: "adoption",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    DIGITALOCEAN_API_URL: api.url,
    DIGITALOCEAN_TOKEN: TOKEN,
    DIGITALOCEAN_HTTP_RETRY_MAX: "0",
  };
  const pulumi = (...args: string[]) =>
    new Promise<Ran>((resolve) => {
      execFile(cli, [...args, "--cwd", directory, "--non-interactive", "--color", "never"], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, output: `${stdout}${stderr}` });
      });
    });
  await succeed(pulumi, "stack", "init", "test");
  return Object.assign(pulumi, { write: (text: string) => writeFileSync(join(directory, "index.ts"), text) });
}

async function succeed(pulumi: (...args: string[]) => Promise<Ran>, ...args: string[]): Promise<string> {
  const { code, output } = await pulumi(...args);
  expect(code, output).toBe(0);
  return output;
}

/** What is done to each resource, by name. */
function stepsOf(preview: string): Record<string, string[]> {
  const { steps } = JSON.parse(preview) as { steps: readonly Step[] };
  const nameOf = ({ urn }: Step) => urn.split("::").at(-1)!;
  return Object.fromEntries(
    steps.map((step) => [nameOf(step), steps.filter((other) => nameOf(other) === nameOf(step)).map(({ op }) => op)]),
  );
}
