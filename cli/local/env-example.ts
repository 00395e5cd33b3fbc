/** `slipway local env --example`: the variables of services, each with a comment about the origin of its value. It needs no running platform. */
import { configName, operatorKeys } from "../../settings/operator.ts";
import { flagsOf } from "../../settings/settings.ts";
import type { Env, System } from "../../systems/definition.ts";
import { formatEnv } from "./env-format.ts";

/** @param components The services to describe; several get one section each. */
export function formatEnvExample(system: System, components: readonly string[]): string {
  const all = new Map(Object.values(system.apps).flatMap((app) => Object.entries(app.components)));
  return components.map((component) => section(system, component, all.get(component)!.env)).join("\n\n");
}

function section(system: System, component: string, env: Readonly<Record<string, Env>>): string {
  const lines = Object.entries(env).map(([key, value]) => {
    const feature = value.feature === undefined ? "" : ` Only with the feature ${value.feature}.`;
    return `# ${originOf(system, value)}.${feature}\n${formatEnv({ [key]: exampleValue(value) }, "dotenv").text}`;
  });
  const title = `# Variables of ${system.title}, service ${component}. Real values: npx slipway local env ${system.name} ${component}`;
  return [title, ...(lines.length === 0 ? ["# It reads none."] : lines)].join("\n\n");
}

/** A value is given only where the definition contains it. */
function exampleValue(env: Env): string {
  if (env.from === "plain") return env.value;
  if (env.from === "budget") return String(env.wish);
  return env.from === "phase" ? String(flagsOf("P3", "local")[env.flag]) : "";
}

function originOf(system: System, env: Env): string {
  const ofOperator = (name: string) => {
    const { purpose, key, secret } = operatorKeys(system).find((candidate) => candidate.name === name)!;
    return `${purpose}; set with: pulumi config set ${secret ? "--secret " : ""}slipway:${key}`;
  };
  switch (env.from) {
    case "plain":
      return "A fixed value of the definition";
    case "database": {
      const via = env.pool === undefined ? "" : `, through the pool ${env.pool}`;
      return `The ${env.part} of ${env.replica ? "a read replica of " : ""}the database ${system.postgres.database}, as its runtime role${via}`;
    }
    case "store":
      return `The ${env.part} of ${"store" in env ? `the Valkey store ${env.store}` : `the Valkey keyspace ${env.keyspace}`}`;
    case "caFile":
      return "The path of a file with the certificates of the clusters";
    case "bucket":
      return `The ${env.part} of the bucket ${env.bucket}`;
    case "secret": {
      const secret = system.secrets[env.secret]!;
      return secret.origin === "operator" ? ofOperator(env.secret) : `A secret that slipway generates, ${secret.length} characters`;
    }
    case "setting":
      return ofOperator(env.setting);
    case "phase":
      return `From slipway:${configName(system.name)}.phase; the value shown is that of phase P3`;
    case "budget":
      return `The connections of the client's pool, ${env.least} or more; a stack may allow fewer than shown`;
    case "app":
      return `The ${env.part} of the app itself`;
  }
}
