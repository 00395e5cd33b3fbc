/** The variables and URLs of the plan, used by a process as App Platform starts it, against a cluster of the local platform. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, it } from "vitest";
import { recorded } from "../../components/testing/recorded.ts";
import { postgresUrl } from "../../components/url.ts";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { targetOf } from "../../postdeploy/connect/target.ts";
import { startProxy } from "../../postdeploy/migrate/testing/proxy.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { planOf, Secret, variablesOf } from "./planned.ts";

const { database, roles } = fluxstudio.postgres;
/** Of the form that DigitalOcean generates. */
const RUNTIME = { name: roles.runtime, password: "AVNS_a-B_0123456789", replication: false };

/** Characters that mean something in a URL, a shell or a connection string, each within a password and all in one. */
const SPECIAL = [...`@:/%#?& '"\\;=+,!$()[]{}`];
const AWKWARD = [...SPECIAL.map((character) => `p${character}w`), `%41${SPECIAL.join("")}`].map((password, index) => ({
  name: `awkward_${index}`,
  password,
  replication: false,
}));

const home = temporaryHome();
const servers = openServers({ home, fsync: false });
const otherHome = temporaryHome();
const otherServers = openServers({ home: otherHome, fsync: false });
const folder = mkdtempSync(join(tmpdir(), "slipway-connections-"));
let endpoint: Endpoint;

beforeAll(async () => {
  endpoint = await servers.startCluster(
    postgresCluster("connections", { version: "15", databases: ["defaultdb", database], users: [RUNTIME, ...AWKWARD] }),
  );
  writeFileSync(join(folder, "ca.pem"), endpoint.ca);
  // Clusters of one platform share a CA.
  writeFileSync(join(folder, "other-ca.pem"), (await otherServers.startCluster(postgresCluster("another"))).ca);
});
afterAll(async () => {
  await Promise.all([servers.close(), otherServers.close()]);
  for (const each of [home, otherHome]) await removeHome(each);
  rmSync(folder, { recursive: true });
});

/** The references replaced as App Platform does, which encodes nothing. */
async function environment(host = "localhost", port = endpoint.port): Promise<Record<string, string>> {
  const references: Record<string, string | number> = {
    ...{
      "db.USERNAME": RUNTIME.name,
      "db.PASSWORD": RUNTIME.password,
      "db.PORT": port,
      "db.DATABASE": database,
      "db.CA_CERT": endpoint.ca,
    },
  };
  const variables = variablesOf(await planOf("prod"), "fluxstudio-fluxstudio-app", "services", "api");
  return Object.fromEntries(
    Object.entries(variables)
      .filter(([name]) => /^(DATABASE_URL|DB_.*|PGSSLMODE|NODE_EXTRA_CA_CERTS|DATABASE_CA_CERT)$/.test(name))
      .map(([name, value]) => [
        name,
        String(value instanceof Secret ? value.value : value)
          .replace(/\$\{([^}]+)\}/g, (_, reference: string) => String(references[reference]))
          .replace(/private-[a-z-]+\.example/, host)
          .replaceAll("/tmp/slipway-ca.pem", join(folder, "ca.pem")),
      ]),
  );
}

const PROGRAM = `
  import pg from "pg";
  const { DATABASE_URL, DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD } = process.env;
  const fields = { host: DB_HOST, port: Number(DB_PORT), database: DB_NAME, user: DB_USER, password: DB_PASSWORD };
  for (const options of [{ connectionString: DATABASE_URL }, fields]) {
    const client = new pg.Client(options);
    try {
      await client.connect();
      const { rows } = await client.query("SELECT current_user || ' ' || current_database() || ' ' || ssl AS text FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      console.log(rows[0].text);
    } catch (error) {
      console.log(error.code);
    }
    await client.end().catch(() => {});
  }`;

/** What the URL and what the fields lead to, or why the process rejects the server. */
function connect(env: Record<string, string>): Promise<string[]> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], { env: { PATH: process.env.PATH, ...env } });
  let output = "";
  child.stdout.on("data", (part) => (output += part));
  child.stderr.on("data", (part) => (output += part));
  return new Promise((resolve) => child.on("close", () => resolve(output.trim().split("\n"))));
}

it("connects FluxStudio's backend over verified TLS by a URL that holds no password, and by fields [F39]", async () => {
  expect(String(variablesOf(await planOf("prod"), "fluxstudio-fluxstudio-app", "services", "api").DATABASE_URL)).toContain(
    "${db.PASSWORD}",
  );
  const reached = `${roles.runtime} ${database} true`;
  expect(await connect(await environment())).toEqual([reached, reached]);
});

it("rejects a database server with a certificate of another CA, or for another name, by URL and by fields [F5]", async () => {
  const env = await environment();
  const otherCa = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll("/ca.pem", "/other-ca.pem")]));
  expect(await connect(otherCa)).toEqual(["SELF_SIGNED_CERT_IN_CHAIN", "SELF_SIGNED_CERT_IN_CHAIN"]);
  const elsewhere = await startProxy(endpoint.port, { host: "127.0.0.2" });
  expect(await connect(await environment("127.0.0.2", elsewhere.port))).toEqual([
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ]);
  await elsewhere.close();
});

it("connects with a password of any special character by URL and by fields [F107]", async () => {
  for (const { name, password } of AWKWARD) {
    const connection = { address: `localhost:${endpoint.port}`, user: name, password: pulumi.secret(password) };
    const { outputs } = await recorded(() => ({ url: postgresUrl(connection, "defaultdb") }));
    const url = String((outputs.url as Secret).value);
    const whoami = "SELECT current_user AS name";
    expect(await query(endpoint, whoami, { user: name, password }), password).toEqual([{ name }]);
    // The parser of the post-deploy step, and that of node-postgres.
    const { tls: _, ...target } = targetOf({ url, ca: endpoint.ca });
    expect(target).toMatchObject({ user: name, password });
    expect(await query(endpoint, whoami, target), password).toEqual([{ name }]);
    const withoutMode = url.replace(/\?.*/, "");
    expect(await query(endpoint, whoami, { user: undefined, password: undefined, connectionString: withoutMode }), password).toEqual([
      { name },
    ]);
  }
});
