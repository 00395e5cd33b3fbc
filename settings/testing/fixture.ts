/** Two small systems with one of everything, and a stack to put them in. For tests only. */
import { type Component, env, type System } from "../../systems/definition.ts";
import { parseSettings } from "../parse.ts";
import { SettingsError } from "../problems.ts";
import type { Settings } from "../settings.ts";
import { runCommand } from "./commands.ts";

const source = { repo: "acme/harbour", branch: "main", dir: "/", environment: "node-js", deployOnPush: true } as const;
const health = { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 };
const service = (variables: Component["env"], more: Partial<Extract<Component, { kind: "service" }>> = {}): Component => ({
  kind: "service",
  source,
  health,
  port: 8080,
  routes: ["/"],
  size: "apps-s-1vcpu-1gb",
  instances: 1,
  env: variables,
  ...more,
});

/** Comes from JSON files, keeps state and cache, can sign in with Google. */
export const harbour: System = {
  name: "harbour",
  title: "Harbour",
  postgres: {
    database: "harbour",
    schemas: ["public"],
    extensions: [],
    roles: { owner: "harbour_owner", runtime: "harbour", readonly: "harbour_readonly", backup: "harbour_backup" },
    pools: { harbour_pool: { mode: "transaction", wish: 10 } },
    statementTimeoutSeconds: 30,
    minimumMajor: 15,
  },
  stores: {
    state: { class: "state", memoryMiB: 256 },
    cache: { class: "cache", memoryMiB: 256, feature: "cache" },
  },
  keyspaces: {
    sessions: { store: "state", database: 0, durable: true },
    answers: { store: "cache", database: 1, durable: false },
  },
  secrets: {
    jwtSecret: { origin: "generated", length: 48 },
    googleClientSecret: { origin: "operator", feature: "google", purpose: "OAuth client secret" },
  },
  settings: { googleClientId: { feature: "google", purpose: "OAuth client id" } },
  features: { google: { purpose: "Sign-in" }, cache: { purpose: "Cache" }, worker: { purpose: "Worker" } },
  apps: {
    web: {
      name: "harbour",
      domain: "harbour.example.com",
      components: {
        api: service({ USE_POSTGRES: env.phase("usePostgres"), DATABASE_URL: env.database("url"), POOL_MAX: env.budget(30, 5) }),
        pooled: service({ DATABASE_URL: env.database("url", { pool: "harbour_pool" }), CLIENT_MAX: env.budget(40, 2) }),
        frontend: { kind: "site", source, outputDir: "dist", routes: ["/"], env: {} },
        worker: {
          kind: "worker",
          source,
          feature: "worker",
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: { DATABASE_URL: env.database("url") },
        },
      },
    },
  },
  backups: { postgres: { hourUtc: 2 } },
  alerts: { emails: [], cpu: 80, memory: 80, disk: 80, latency: 500, restartsPerHour: 3 },
  deviations: [],
};

/** A name with a dash, a Python pool with overflow, no files, one store without keyspaces. */
export const longPier: System = {
  ...harbour,
  name: "long-pier",
  title: "Long Pier",
  postgres: { ...harbour.postgres, database: "pier", pools: {}, minimumMajor: 16 },
  stores: { store: { class: "state", memoryMiB: 128 } },
  keyspaces: {},
  secrets: { webhook: { origin: "operator", feature: "alerts", purpose: "Webhook of a channel" } },
  settings: {},
  features: { alerts: { purpose: "Alerts to a channel" } },
  apps: {
    web: {
      name: "long-pier",
      components: { api: service({ DATABASE_URL: env.database("url"), POOL_SIZE: env.budget(20, 5, 10) }) },
    },
  },
};

export const TODAY = "2026-11-20";

export interface Given {
  readonly stack?: string;
  readonly systems?: readonly System[];
  readonly secretKeys?: readonly string[];
  readonly underEngine?: boolean;
}

/** Keys without their namespace; whatever is no text goes in as JSON, as Pulumi does it. Harbour alone, unless `given` names others. */
export function settingsFrom(values: Readonly<Record<string, unknown>>, given: Given = {}): Settings {
  return parseConfig(configOf(values), given);
}

/** A command that asks for a secret, or that contains `<a value to fill in>`. */
const ASKS = / --secret |<[^>]+>/;

const USABLE = { allowedSources: ["203.0.113.10"], postgres: { version: "16" } };

function configOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const texts = Object.entries({ ...USABLE, ...values })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [`slipway:${key}`, typeof value === "string" ? value : JSON.stringify(value)]);
  return Object.fromEntries(texts);
}

function parseConfig(values: Readonly<Record<string, string>>, given: Given): Settings {
  const { stack = "staging", systems = [harbour], secretKeys = [], underEngine = false } = given;
  const secrets = new Set(secretKeys.map((key) => `slipway:${key}`));
  return parseSettings({ project: "slipway", stack, values, secretKeys: secrets, underEngine }, systems, TODAY);
}

/** The message that an operator reads. The commands in it, all or one of them, end the problem that they are printed for. */
export function complaint(values: Readonly<Record<string, unknown>>, given: Given = {}): string {
  const config = configOf(values);
  const error = errorOf(config, given);
  if (error === undefined) throw new Error("These settings were accepted.");
  for (const problem of error.problems) {
    const commands = (problem.commands ?? []).filter((command) => !ASKS.test(command));
    if (commands.length === 0) continue;
    const outcomes = [commands, ...commands.map((command) => [command])].map((run) => errorOf(run.reduce(runCommand, config), given));
    const remaining = outcomes.filter((after) =>
      after?.problems.some(({ path, problem: text }) => path === problem.path && text === problem.problem),
    );
    if (remaining.length === outcomes.length)
      throw new Error(`These commands do not end the problem:\n${commands.join("\n")}\n${error.message}`);
  }
  return error.message;
}

function errorOf(config: Readonly<Record<string, string>>, given: Given): SettingsError | undefined {
  try {
    parseConfig(config, given);
    return undefined;
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
}
