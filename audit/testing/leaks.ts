/** Leaks as people make them, each with the rule that must find it, and no other. */

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, createWriteStream, writeFileSync } from "node:fs";
import { writeFile as writeFileLater } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Program } from "../../engine/record.ts";
import type { RuleId } from "../rules.ts";
import type { Circumstances } from "../structure.ts";
import { cluster, database, shop, stripe } from "./programs.ts";

export interface Leak {
  readonly rule: RuleId;
  readonly program: Program;
  /** Rules that are broken along with it, because it cannot be done without. */
  readonly also?: readonly RuleId[];
  readonly circumstances?: Partial<Circumstances>;
}

/** The mark gets lost, as it does with `unsecret`. */
const bare = (value: pulumi.Output<string>): pulumi.Output<string> => pulumi.unsecret(value);
const declared = { scope: "RUN_TIME", type: "SECRET" } as const;

export const LEAKS: Readonly<Record<string, Leak>> = {
  // ── Outputs ───────────────────────────────────────────────────────────────────────────────────────────────────────
  "a setting in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { stripe: bare(stripe()) };
    },
  },
  "a setting read with require, in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { stripe: new pulumi.Config("shop").require("stripe") };
    },
  },
  "a generated password deep in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      const password = new random.RandomPassword("admin", { length: 40 });
      return { logins: [{ admin: { password: bare(password.result) } }] };
    },
  },
  "a database's URL from a data source in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { url: digitalocean.getDatabaseClusterOutput({ name: "db" }).uri };
    },
  },
  "a secret in base64 in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { header: bare(stripe().apply((it) => `Basic ${Buffer.from(`user:${it}`).toString("base64")}`)) };
    },
  },
  "a secret in hex in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { key: bare(stripe().apply((it) => Buffer.from(it).toString("hex"))) };
    },
  },
  "a secret in JSON within a URL in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { link: bare(stripe().apply((it) => `https://x.test/?state=${encodeURIComponent(JSON.stringify({ key: it }))}`)) };
    },
  },
  "a reversed secret in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { odd: bare(stripe().apply((it) => [...it].reverse().join(""))) };
    },
  },
  "a part of a secret in a stack output": {
    rule: "secret-in-output",
    program: () => {
      shop();
      return { hint: bare(stripe().apply((it) => `${it.slice(0, 20)}…`)) };
    },
  },
  "a secret as a key of a stack output": {
    rule: "secret-in-name",
    program: () => {
      shop();
      return { byKey: bare(stripe()).apply((it) => ({ [it]: true })) };
    },
  },
  "a secret in a component's outputs": {
    rule: "secret-in-component-output",
    program: () => {
      shop();
      const component = new (class extends pulumi.ComponentResource {})("shop:index:Keys", "keys");
      (component as unknown as { registerOutputs(outputs: object): void }).registerOutputs({ stripe: bare(stripe()) });
    },
  },

  // ── Resources ─────────────────────────────────────────────────────────────────────────────────────────────────────
  "a secret that is not marked as secret in a resource's input": {
    rule: "secret-in-state",
    program: () => {
      shop();
      new random.RandomPassword("other", { length: 40, keepers: { stripe: bare(stripe()) } });
    },
    also: ["secret-unread"],
  },
  "a secret setting read as plain text, in a variable": {
    rule: "secret-in-state",
    program: () => {
      shop([{ key: "AGAIN", value: new pulumi.Config("shop").require("stripe"), ...declared }]);
    },
  },
  "a secret in the code that a dynamic resource carries": {
    rule: "secret-in-state",
    program: () => {
      shop();
      const code = bare(stripe().apply((it) => `exports.handler = () => ({ create: () => "${it}" });`));
      new (class extends pulumi.CustomResource {})("pulumi-nodejs:dynamic:Resource", "step", { __provider: code });
    },
  },
  "a secret that is not marked as secret in the text of an asset": {
    rule: "secret-in-state",
    program: () => {
      shop();
      const file = bare(stripe()).apply((it) => new pulumi.asset.StringAsset(`STRIPE=${it}`));
      new (class extends pulumi.CustomResource {})("pulumi-nodejs:dynamic:Resource", "upload", { file });
    },
  },
  "a secret in a description that DigitalOcean shows": {
    rule: "secret-in-plain-field",
    program: () => {
      shop();
      new digitalocean.Project("project", { name: "shop", description: pulumi.interpolate`the key is ${stripe()}` });
    },
  },
  "a secret in a tag, though it is marked": {
    rule: "secret-in-tag",
    program: () => {
      shop();
      new digitalocean.Droplet("box", { image: "ubuntu-24-04-x64", size: "s-1vcpu-1gb", region: "nyc1", tags: ["shop", stripe()] });
    },
  },
  "a secret in a name at DigitalOcean": {
    rule: "secret-in-name",
    program: () => {
      shop();
      new digitalocean.Vpc("net", { name: pulumi.interpolate`net-${stripe()}`, region: "nyc1" });
    },
  },
  "a secret in a resource's name, in small letters": {
    rule: "secret-in-name",
    program: () => {
      shop();
      new digitalocean.Vpc(`net-${new pulumi.Config("shop").require("stripe").toLowerCase()}`, { name: "net", region: "nyc1" });
    },
  },

  // ── Variables ─────────────────────────────────────────────────────────────────────────────────────────────────────
  "a secret variable for the build": {
    rule: "env-build-time",
    program: () => {
      shop([{ key: "AT_BUILD", value: stripe(), scope: "BUILD_TIME", type: "SECRET" }]);
    },
  },
  "a secret variable without a scope": {
    rule: "env-build-time",
    program: () => {
      shop([{ key: "ANYTIME", value: stripe(), type: "SECRET" }]);
    },
  },
  "a database's login at build time, by reference": {
    rule: "env-build-time",
    program: () => {
      const cluster = database();
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: cluster.id, name: "shop" });
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_AND_BUILD_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: cluster.name, dbUser: user.name }],
      });
    },
  },
  "a secret variable without the type SECRET": {
    rule: "env-general-type",
    program: () => {
      shop([{ key: "SHOWN", value: stripe(), scope: "RUN_TIME" }]);
    },
  },
  "a secret variable of the whole app, of type GENERAL": {
    rule: "env-general-type",
    program: () => {
      shop([], { envs: [{ key: "SHOWN", value: stripe(), scope: "RUN_TIME", type: "GENERAL" }] });
    },
  },
  "a URL with a password in a variable of type GENERAL": {
    rule: "env-general-type",
    program: () => {
      const cluster = database();
      shop([
        {
          key: "DATABASE_URL",
          value: pulumi.interpolate`postgresql://doadmin:${cluster.password}@${cluster.host}/db?sslmode=verify-full`,
          scope: "RUN_TIME",
        },
      ]);
    },
  },
  "a password in a run command": {
    rule: "secret-on-command-line",
    program: () => {
      shop([], {}, { runCommand: pulumi.interpolate`node server.js --key ${stripe()}` });
    },
  },
  "a secret written in the program": {
    rule: "secret-literal",
    program: () => {
      shop([{ key: "SIGNING", value: pulumi.secret("correct-horse-battery-staple"), ...declared }]);
    },
  },
  "a plain value under the name of a secret": {
    rule: "secret-named",
    program: () => {
      shop([{ key: "SESSION_SECRET", value: "keyboard cat", scope: "RUN_TIME" }]);
    },
  },
  "a secret without a reader": {
    rule: "secret-unread",
    program: () => {
      shop();
      new random.RandomPassword("forgotten", { length: 40 });
    },
  },

  // ── Words ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  "a secret setting in a log message": {
    rule: "secret-in-log",
    program: () => {
      shop();
      pulumi.log.info(`using ${new pulumi.Config("shop").require("stripe")}`);
    },
  },
  "a generated password in a log message, which Pulumi does not mask": {
    rule: "secret-in-log",
    program: () => {
      const password = new random.RandomPassword("admin", { length: 40 });
      shop([{ key: "ADMIN", value: password.result, ...declared }]);
      password.result.apply((it) => pulumi.log.warn(`admin is ${it}`));
    },
  },
  "a secret on the console": {
    rule: "secret-in-log",
    program: () => {
      shop();
      stripe().apply((it) => console.log("stripe:", it));
    },
  },
  "a secret on the console, in base64": {
    rule: "secret-in-log",
    program: () => {
      shop();
      stripe().apply((it) => process.stderr.write(`${Buffer.from(it).toString("base64url")}\n`));
    },
  },
  "a secret in the text of an error": {
    rule: "secret-in-error",
    program: () => {
      shop();
      throw new pulumi.RunError(`the key ${new pulumi.Config("shop").require("stripe")} is not one of Stripe's`);
    },
  },
  "a secret in an error inside of an apply": {
    rule: "secret-in-error",
    program: () => {
      shop();
      stripe().apply((it) => {
        throw new Error(`cannot use ${it}`);
      });
    },
  },

  // ── Ways out ──────────────────────────────────────────────────────────────────────────────────────────────────────
  "a secret in a file that the program writes": {
    rule: "secret-in-file",
    program: () => {
      shop();
      stripe().apply((it) => writeFileSync(path.join(tmpdir(), "slipway-audit-leak.env"), `STRIPE=${it}\n`));
    },
  },
  "a secret at the end of a file": {
    rule: "secret-in-file",
    program: () => {
      shop();
      stripe().apply((it) => appendFileSync(path.join(tmpdir(), "slipway-audit-leak.log"), JSON.stringify({ it })));
    },
  },
  "a secret on the command line of a program that is started": {
    rule: "secret-on-command-line",
    program: () => {
      shop();
      stripe().apply((it) => void spawnSync("true", ["--key", it]));
    },
  },
  "a secret on the command line of a program that is awaited as a promise": {
    rule: "secret-on-command-line",
    program: async () => {
      shop();
      const { stdout } = await promisify(execFile)("echo", [`--key=${new pulumi.Config("shop").require("stripe")}`]);
      if (stdout === "") throw new Error("it was not started as it should be");
    },
  },
  "a secret in a file that is written as a promise": {
    rule: "secret-in-file",
    program: async () => {
      shop();
      await writeFileLater(path.join(tmpdir(), "slipway-audit-leak.env"), Buffer.from(new pulumi.Config("shop").require("stripe")));
    },
  },
  "a secret in a stream to a file": {
    rule: "secret-in-file",
    program: async () => {
      shop();
      const stream = createWriteStream(path.join(tmpdir(), "slipway-audit-leak.log"));
      stream.end(new pulumi.Config("shop").require("stripe"));
      await once(stream, "close");
    },
  },
  "a secret in a request": {
    rule: "secret-sent",
    program: async () => {
      shop();
      const server = createServer((_, reply) => reply.end()).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      await fetch(`http://127.0.0.1:${port}/?key=${encodeURIComponent(new pulumi.Config("shop").require("stripe"))}`);
      server.close();
      server.closeAllConnections();
    },
  },

  // ── Computed ──────────────────────────────────────────────────────────────────────────────────────────────────────
  "a secret's hash in a stack output": {
    rule: "secret-derived",
    program: () => {
      shop();
      return { version: bare(stripe().apply((it) => createHash("sha256").update(it).digest("hex"))) };
    },
  },
  "a secret's first letters in a tag": {
    rule: "secret-derived",
    program: () => {
      shop();
      const letters = new pulumi.Config("shop").require("stripe").slice(0, 4);
      new digitalocean.Tag("first", { name: `key-${letters}` });
    },
  },

  // ── What stands around them ───────────────────────────────────────────────────────────────────────────────────────
  "a database without a firewall": {
    rule: "firewall-open",
    program: () => {
      shop();
      new digitalocean.DatabaseCluster("open", { engine: "pg", version: "17", region: "nyc1", size: "db-s-1vcpu-1gb", nodeCount: 1 });
    },
  },
  "a firewall open to the internet": {
    rule: "firewall-open",
    program: () => {
      shop();
      database(["203.0.113.10", "0.0.0.0/0"]);
    },
  },
  "a firewall open to the internet in two halves": {
    rule: "firewall-open",
    program: () => {
      shop();
      database(["0.0.0.0/1", "128.0.0.0/1"]);
    },
  },
  "a production database without protection": {
    rule: "data-unprotected",
    circumstances: { production: true },
    program: () => {
      shop();
      database();
    },
  },
  "a connection to Postgres without certificate verification": {
    rule: "tls-not-verified",
    program: () => {
      shop([
        {
          key: "DATABASE_URL",
          value: "postgresql://${db.USERNAME}:${db.PASSWORD}@private-db.example:25060/shop?sslmode=require",
          scope: "RUN_TIME",
        },
      ]);
    },
  },
  "the whole URL by reference, which does not verify the certificate": {
    rule: "tls-not-verified",
    program: () => {
      const cluster = database();
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: cluster.id, name: "shop" });
      shop([{ key: "DATABASE_URL", value: "${db.DATABASE_URL}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: cluster.name, dbUser: user.name }],
      });
    },
  },
  "a connection to Valkey without TLS": {
    rule: "tls-not-verified",
    program: () => {
      shop([{ key: "REDIS_URL", value: "redis://cache.internal:6379", scope: "RUN_TIME" }]);
    },
  },
  "a post-deploy step without certificate verification": {
    rule: "tls-not-verified",
    program: () => {
      shop();
      const { password, host } = database();
      const url = pulumi.interpolate`postgresql://doadmin:${password}@${host}:25060/shop?sslmode=require`;
      new (class extends pulumi.CustomResource {})("pulumi-nodejs:dynamic/slipway:Migrations", "migrations", { url });
    },
  },
  "a client that accepts any certificate": {
    rule: "tls-not-verified",
    program: () => {
      shop([{ key: "NODE_TLS_REJECT_UNAUTHORIZED", value: "0", scope: "RUN_TIME" }]);
    },
  },
  "an app that connects as doadmin": {
    rule: "app-uses-admin",
    program: () => {
      const cluster = database();
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: cluster.name }],
      });
    },
  },
  "an app that connects as the owner of its tables": {
    rule: "role-too-strong",
    program: () => {
      const cluster = database();
      const user = new digitalocean.DatabaseUser("owner", { clusterId: cluster.id, name: "shop_owner" });
      const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" };
      new (class extends pulumi.CustomResource {})("pulumi-nodejs:dynamic/slipway:Roles", "roles", { system: "shop", roles });
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: cluster.name, dbUser: user.name }],
      });
    },
  },
  "the right user on the cluster of another product": {
    rule: "login-elsewhere",
    program: () => {
      const [own, other] = [cluster("own"), cluster("other")];
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: own.id, name: "shop" });
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: other.name, dbUser: user.name }],
      });
    },
  },
  "the right user with a database of another cluster": {
    rule: "login-elsewhere",
    program: () => {
      const [own, other] = [cluster("own"), cluster("other")];
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: own.id, name: "shop" });
      const data = new digitalocean.DatabaseDb("data", { clusterId: other.id, name: "orders" });
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: own.name, dbUser: user.name, dbName: data.name }],
      });
    },
  },
  "the right user with the database of another product on the same cluster": {
    rule: "login-elsewhere",
    program: () => {
      const own = cluster("own");
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: own.id, name: "shop" });
      for (const name of ["shop", "orders"]) new digitalocean.DatabaseDb(name, { clusterId: own.id, name });
      const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" };
      const url = pulumi.interpolate`postgresql://doadmin:${own.password}@${own.host}:25060/shop?sslmode=verify-full`;
      new (class extends pulumi.CustomResource {})("pulumi-nodejs:dynamic/slipway:Roles", "roles", { system: "shop", roles, url });
      shop([{ key: "DATABASE_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: own.name, dbUser: user.name, dbName: "orders" }],
      });
    },
  },
  "a password that is sent to the host of another cluster": {
    rule: "login-elsewhere",
    program: () => {
      const [own, other] = [cluster("own"), cluster("other")];
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: own.id, name: "shop" });
      const url = pulumi.interpolate`postgresql://${"${db.USERNAME}:${db.PASSWORD}"}@${other.privateHost}:25060/shop?sslmode=verify-full`;
      shop([{ key: "DATABASE_URL", value: url, scope: "RUN_TIME" }], {
        databases: [{ name: "db", engine: "PG", production: true, clusterName: own.name, dbUser: user.name }],
      });
    },
  },
  "a host of another cluster next to a password": {
    rule: "login-elsewhere",
    program: () => {
      const [own, other] = [cluster("own"), cluster("other")];
      const user = new digitalocean.DatabaseUser("runtime", { clusterId: own.id, name: "shop" });
      const envs = [
        { key: "DB_HOST", value: other.privateHost, scope: "RUN_TIME" },
        { key: "DB_PASSWORD", value: "${db.PASSWORD}", scope: "RUN_TIME" },
      ];
      shop(envs, { databases: [{ name: "db", engine: "PG", production: true, clusterName: own.name, dbUser: user.name }] });
    },
  },
  "a key that opens every bucket": {
    rule: "role-too-strong",
    program: () => {
      shop();
      new digitalocean.SpacesKey("all", { name: "all", grants: [{ bucket: "", permission: "fullaccess" }] });
    },
  },
  "a generated secret that is two years old": {
    rule: "secret-old",
    program: () => {
      const password = new random.RandomPassword("signing", { length: 40, keepers: { rotated: "2024-11-01" } });
      shop([{ key: "SIGNING", value: password.result, ...declared }]);
    },
  },
  "a production secret that was never rotated": {
    rule: "secret-old",
    circumstances: { production: true },
    program: () => {
      const password = new random.RandomPassword("signing", { length: 40, keepers: { rotated: "never" } });
      shop([{ key: "SIGNING", value: password.result, ...declared }]);
    },
  },
};
