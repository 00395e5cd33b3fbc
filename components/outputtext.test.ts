import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import type { Program } from "../engine/record.ts";
import { App, type AppArgs } from "./app.ts";
import { Backups } from "./backups.ts";
import { Firewall } from "./firewall.ts";
import { Monitoring } from "./monitoring.ts";
import { Network } from "./network.ts";
import { PostDeploy } from "./postdeploy.ts";
import { Postgres } from "./postgres.ts";
import { Secrets } from "./secrets.ts";
import { refusal } from "./testing/recorded.ts";
import { Valkey } from "./valkey.ts";

const host = pulumi.output("db.example");
const text = `https://${host}/`;

describe("a text into which an Output was written as if it were a string is refused", () => {
  const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
  const app = (env: AppArgs["components"][string]["env"], over: Partial<AppArgs> = {}): Program => {
    const worker = { kind: "worker", github, size: "apps-s-1vcpu-1gb", env } as const;
    return () => void new App("shop", { appName: "shop", region: "nyc", components: { worker }, ...over });
  };
  const GIVEN = "shop: components.worker.env.API_URL.value: ";
  const LATER = "shop: worker reads API_URL: ";

  it.each([
    ["a plain variable", { value: text }, GIVEN],
    ["a secret variable", { value: text, secret: true }, GIVEN],
    ["a variable that is known later", { value: pulumi.output("key").apply((key) => `${host}:${key}`) }, LATER],
    ["a secret variable that is known later", { value: pulumi.secret("key").apply((key) => `${host}:${key}`), secret: true }, LATER],
    ["JSON in a variable", { value: JSON.stringify({ host }) }, GIVEN],
  ])("in %s of an app, with the app, the component and the variable", async (_, env, where) => {
    const said = await refusal(app({ API_URL: { scope: "RUN_TIME", ...env } }));
    expect(said).toContain(`${where}an Output was written into this text`);
    expect(said).toContain("Write pulumi.interpolate`…` in place of `…`");
    expect(said).not.toContain("Calling [");
  });

  const network = { id: "vpc", cidr: "10.10.0.0/20" };
  const cluster = { network, region: "nyc3", size: "db-s-1vcpu-2gb" };
  it.each<[what: string, program: Program, where: string]>([
    ["an app's domain", app({}, { domain: text }), "shop: domain: "],
    [
      "a network's description",
      () => void new Network("net", { region: "nyc3", cidr: "10.20.0.0/20", description: text }),
      "net: description: ",
    ],
    [
      "a Postgres' tags",
      () => void new Postgres("pg", { ...cluster, major: "17", databases: { a: { users: ["a"] } }, tags: [text] }),
      "pg: tags[0]: ",
    ],
    ["a Valkey's tags", () => void new Valkey("kv", { ...cluster, class: "cache", tags: ["a", text] }), "kv: tags[1]: "],
    ["a firewall's cluster", () => void new Firewall("wall", { clusterId: text, allow: ["203.0.113.7"] }), "wall: clusterId: "],
    ["an operator's secret", () => void new Secrets("secrets", { operator: { stripe: text } }), "secrets: operator.stripe: "],
    ["a bucket's name", () => void new Backups("backups", { region: "nyc3", bucketName: text }), "backups: bucketName: "],
    [
      "an endpoint's address",
      () =>
        void new Monitoring("watch", {
          ...{ emails: ["a@example.com"], databases: [], cpu: 80, memory: 80, disk: 80 },
          uptime: [{ name: "api", target: text, latencyMs: 500 }],
        }),
      "watch: uptime[0].target: ",
    ],
    [
      "a login of a post-deploy step",
      () =>
        void new PostDeploy("after", {
          system: "shop",
          postgres: {
            ...{ database: "shop", schemas: [], extensions: [], statementTimeoutSeconds: 30, migrations: "sql/shop", ca: "ca" },
            roles: { owner: "o", runtime: "r", readonly: "ro", backup: "b" },
            ...{ adminUrl: "postgresql://a", ownerUrl: text },
          },
        }),
      "after: postgres.ownerUrl: ",
    ],
  ])("in %s, with its place", async (_, program, where) => {
    const said = await refusal(program);
    expect(said).toContain(`${where}an Output was written into this text`);
    expect(said).not.toContain("Calling [");
  });
});
