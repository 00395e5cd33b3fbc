/** Audits the program of this repository, as it is and with planted faults. */
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { findProject, programOf } from "../engine/project.ts";
import { readStack } from "../engine/stackfile.ts";
import { configName } from "../settings/operator.ts";
import { systems } from "../systems/index.ts";
import { audit, auditProgram } from "./audit.ts";
import type { RuleId } from "./rules.ts";
import { ROOT, rulesOf, TODAY } from "./testing/programs.ts";

const project = findProject(ROOT);

/** As its stack file has it, and every feature of every product switched on. */
const EVERY_FEATURE = Object.fromEntries(
  systems.map(({ name, features }) => [`slipway:${configName(name)}`, JSON.stringify({ features: Object.keys(features) })]),
);

describe.each(["prod", "staging", "local"])("the platform on stack %s", (stack) => {
  it("has no finding, and a proof for every secret that it declares", async () => {
    const { findings, proofs, declared, failure } = await audit(project, { stack, today: TODAY });
    expect({ findings, failure }).toEqual({ findings: [], failure: undefined });
    expect(declared.length).toBeGreaterThanOrEqual(15);
    expect(proofs.map(({ secret }) => secret)).toEqual(declared);
  });
});

describe("the platform with a job in place of the runner", () => {
  it("has no finding, and gives the logins of owner and administrator to that job only", async () => {
    const job = {
      "slipway:postDeploy": JSON.stringify({ mode: "job", image: "ghcr.io/your-org/slipway:1.0.0" }),
      "slipway:allowedSources": "[]",
    };
    const { findings, proofs, declared } = await audit(project, { stack: "prod", config: job, today: TODAY });
    expect({ findings, proved: proofs.length }).toEqual({ findings: [], proved: declared.length });
    const ends = (name: string) =>
      proofs.find(({ secret }) => secret === name)!.flow.flatMap(({ what }) => (what.startsWith("the process of") ? [what] : []));
    expect(ends("devx.postgres.owner")).toEqual(["the process of post-deploy in devx-platform"]);
    expect(ends("devx-postgres.doadmin")).toEqual(["the process of post-deploy in devx-platform"]);
    expect(ends("devx.postgres.runtime")).toEqual(["the process of api in devx-platform"]);
    expect(ends("devx.postgres.readonly")).toEqual([]);
  });
});

describe("the platform with every feature on", async () => {
  const everySystem = { "slipway:systems": JSON.stringify(systems.map(({ name }) => name)) };
  const result = await audit(project, { stack: "prod", config: { ...EVERY_FEATURE, ...everySystem }, today: TODAY });
  const names = systems.flatMap(({ name, secrets }) => Object.keys(secrets).map((secret) => `${name}.${secret}`));

  it("has a proof for every secret of every definition", () => {
    expect(result.declared).toEqual(expect.arrayContaining(names));
    const proved = result.proofs.map(({ secret }) => secret);
    expect(names.filter((name) => !proved.includes(name))).toEqual([]);
    expect(result.findings).toEqual([]);
  });

  it("shows the path of an operator's secret to the process that needs it", () => {
    const { flow } = result.proofs.find(({ secret }) => secret === "fluxstudio.googleClientSecret")!;
    expect(flow.map(({ what }) => what)).toEqual([
      "the setting slipway:fluxstudioGoogleClientSecret, set by an operator",
      "the stack's config, encrypted",
      "variable GOOGLE_CLIENT_SECRET of api in fluxstudio (SECRET, RUN_TIME)",
      "the process of api in fluxstudio",
    ]);
  });
});

interface Changed {
  readonly type: string;
  readonly name: string;
  readonly change: (props: Props, opts: pulumi.ResourceTransformArgs["opts"]) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: a spec is changed without types
type Props = any;
const APP = "digitalocean:index/app:App";
/** A transform receives a spec that contains a secret as a whole secret. */
const specOf = ({ spec }: Props): Props => spec.value ?? spec;
const env = (props: Props, key: string): Props =>
  specOf(props)
    .services.flatMap(({ envs }: Props) => envs)
    .find((one: Props) => one.key === key);

/** The rules of the findings for the platform with one resource changed by a transform. */
async function rulesWith({ type, name, change }: Changed, config: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const whole = programOf(project);
  const result = await auditProgram(
    {
      program: () => {
        void pulumi.runtime.registerResourceTransform(({ type: of, name: called, props, opts }) => {
          if (of !== type || called !== name) return undefined;
          change(props, opts);
          return { props, opts };
        });
        return whole();
      },
      directory: project.directory,
      config: readStack(project, "prod", { "slipway:placeholders": "true", ...config }),
    },
    { production: true, today: TODAY, maxAgeDays: 365 },
  );
  return rulesOf(result);
}

describe("a planted fault in the platform", () => {
  const fluxstudio = (change: Changed["change"]): Changed => ({ type: APP, name: "fluxstudio-fluxstudio-app", change });
  const cases: readonly (readonly [what: string, rules: readonly RuleId[], Changed])[] = [
    ["a signing secret in the build", ["env-build-time"], fluxstudio((props) => (env(props, "JWT_SECRET").scope = "RUN_AND_BUILD_TIME"))],
    ["a signing secret of type GENERAL", ["env-general-type"], fluxstudio((props) => delete env(props, "JWT_SECRET").type)],
    ["a password at build time", ["env-build-time"], fluxstudio((props) => (env(props, "DB_PASSWORD").scope = "BUILD_TIME"))],
    [
      "a login in a variable that no definition requires",
      ["reader-without-need"],
      fluxstudio((props) => specOf(props).services[0].envs.push({ key: "COPY", value: "${db.PASSWORD}", scope: "RUN_TIME" })),
    ],
    [
      "a service that does not receive its secret",
      ["reader-unserved", "secret-unread"],
      fluxstudio(
        (props) => (specOf(props).services[0].envs = specOf(props).services[0].envs.filter(({ key }: Props) => key !== "JWT_SECRET")),
      ),
    ],
    [
      "an app that connects as the administrator",
      ["app-uses-admin", "reader-unserved", "reader-without-need"],
      fluxstudio((props) => (specOf(props).databases[0].dbUser = "doadmin")),
    ],
    [
      "an app that connects as the owner",
      ["reader-unserved", "reader-without-need", "role-too-strong"],
      fluxstudio((props) => (specOf(props).databases[0].dbUser = "fluxstudio_owner")),
    ],
    [
      "a connection that does not verify the certificate",
      ["tls-not-verified"],
      fluxstudio((props) => (env(props, "DATABASE_URL").value = "postgresql://${db.USERNAME}:${db.PASSWORD}@db:25060/x?sslmode=require")),
    ],
    [
      "a firewall open to the internet",
      ["firewall-open"],
      {
        type: "digitalocean:index/databaseFirewall:DatabaseFirewall",
        name: "devx-postgres-firewall-rules",
        change: (props) => props.rules.push({ type: "ip_addr", value: "0.0.0.0/0" }),
      },
    ],
    [
      "a cluster without protection",
      ["data-unprotected"],
      {
        type: "digitalocean:index/databaseCluster:DatabaseCluster",
        name: "devx-postgres-cluster",
        change: (_, opts) => {
          opts.protect = false;
        },
      },
    ],
  ];

  it.each(cases)("is found: %s", async (_, rules, changed) => {
    expect(await rulesWith(changed)).toEqual([...rules]);
  });

  it("is found: secrets that were generated two years ago", async () => {
    const nothing = { type: "", name: "", change: () => {} };
    expect(await rulesWith(nothing, { "slipway:rotated": "2024-11-01" })).toEqual(["secret-old"]);
  });

  it("is found: the login of a role that was rotated more than 90 days ago, and no other", async () => {
    const nothing = { type: "", name: "", change: () => {} };
    const rotated = (since: string) => {
      const { config } = readStack(project, "prod", { "slipway:placeholders": "true" });
      const settings = {
        ...(JSON.parse(config["slipway:fluxstudio"] ?? "{}") as object),
        credentials: { runtime: { active: "b", since } },
      };
      return rulesWith(nothing, { "slipway:fluxstudio": JSON.stringify(settings) });
    };
    const daysAgo = (days: number) => new Date(Date.parse(TODAY) - days * 86_400_000).toISOString().slice(0, 10);
    expect(await rotated(daysAgo(90))).toEqual([]);
    expect(await rotated(daysAgo(91))).toEqual(["secret-old"]);
  });
});
