/** Small programs and changed large ones, for planting leaks: each is recorded as the audit records it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import type { Program } from "../../engine/record.ts";
import type { Audit, Finding } from "../../report/audit.ts";
import { auditProgram } from "../audit.ts";
import type { Subject } from "../run/run.ts";
import type { Circumstances } from "../structure.ts";

export const ROOT = path.join(import.meta.dirname, "../..");

/** Before the dates of prod's stack file are a year old. */
export const TODAY = "2026-11-21";

export const QUIET: Circumstances = { production: false, today: TODAY, maxAgeDays: 365 };

/** `shop:stripe` is a secret that an operator typed; `shop:region` is a plain setting. */
export const SHOP: Omit<Subject, "program"> = {
  directory: ROOT,
  config: {
    project: "shop",
    stack: "test",
    config: { "shop:stripe": "typed-by-an-operator", "shop:region": "nyc1" },
    secretKeys: ["shop:stripe"],
    placeholders: [],
  },
};

export async function auditOfProgram(program: Program, circumstances: Partial<Circumstances> = {}): Promise<Audit> {
  return auditProgram({ program, ...SHOP }, { ...QUIET, ...circumstances });
}

export const stripe = (): pulumi.Output<string> => new pulumi.Config("shop").requireSecret("stripe");

export type EnvArgs = { key: string; value: pulumi.Input<string>; scope?: string; type?: string };

/** One service, with these variables; STRIPE is the right way to have the secret. */
export function shop(
  envs: readonly EnvArgs[] = [],
  more: Partial<digitalocean.types.input.AppSpec> = {},
  component: object = {},
): digitalocean.App {
  return new digitalocean.App("shop", {
    spec: {
      name: "shop",
      region: "nyc",
      services: [
        {
          name: "api",
          image: { registryType: "DOCKER_HUB", registry: "library", repository: "nginx", tag: "1" },
          envs: [{ key: "STRIPE", value: stripe(), scope: "RUN_TIME", type: "SECRET" }, ...envs],
          ...component,
        },
      ],
      ...more,
    },
  });
}

/** A cluster behind its firewall, and a login. */
export const database = (rules: readonly string[] = ["203.0.113.10"]): digitalocean.DatabaseCluster => cluster("db", rules);

export function cluster(name: string, rules: readonly string[] = ["203.0.113.10"]): digitalocean.DatabaseCluster {
  const cluster = new digitalocean.DatabaseCluster(name, {
    name,
    engine: "pg",
    version: "17",
    region: "nyc1",
    size: "db-s-1vcpu-1gb",
    nodeCount: 1,
  });
  new digitalocean.DatabaseFirewall(`${name}-wall`, { clusterId: cluster.id, rules: rules.map((value) => ({ type: "ip_addr", value })) });
  return cluster;
}

export const rulesOf = ({ findings }: { readonly findings: readonly Finding[] }): string[] =>
  [...new Set(findings.map(({ rule }) => rule))].sort();

/** A project on disk, gone when `body` is done. */
export async function withProject<T>(files: Readonly<Record<string, string>>, body: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "slipway audited "));
  try {
    symlinkSync(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
    for (const [name, text] of Object.entries({ ...PROJECT, ...files })) {
      mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      writeFileSync(path.join(directory, name), text);
    }
    return await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const PROJECT: Readonly<Record<string, string>> = {
  "Pulumi.yaml": "name: shop\nruntime: nodejs\n",
  "package.json": JSON.stringify({ type: "module" }),
  "Pulumi.test.yaml": "config:\n  shop:stripe:\n    secure: v1:abc:def\n",
  "index.ts": `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  return { stripe: new pulumi.Config("shop").requireSecret("stripe") };
}
`,
};
