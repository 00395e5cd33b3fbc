/**
 * Turns a stack's config into settings that are complete, within limits, and consistent with the systems that they select. It is pure: it reads no
 * environment. One error lists every problem.
 */
import type { System } from "../systems/definition.ts";
import { backupsOf } from "./backups.ts";
import { decodeConfig } from "./decode.ts";
import { DEFAULTS, networkBlock, suffixOf } from "./defaults.ts";
import { checkExamples } from "./examples.ts";
import { defaultRegion, distanceNotices, networksOf } from "./networks.ts";
import { allOperatorKeys, checkOperatorKeys, configName, missingKeys, type RawConfig, withOperatorKeys } from "./operator.ts";
import { postgresOf } from "./postgres.ts";
import { NAMESPACE, Problems } from "./problems.ts";
import type { Requested } from "./schema.ts";
import type { Environment, PostDeploySettings, Settings, VerifyMode } from "./settings.ts";
import { checkNetwork, checkSources } from "./sources.ts";
import type { SelectedSystem, Stack } from "./stack.ts";
import { systemsOf } from "./systems.ts";
import { valkeyOf } from "./valkey.ts";
import { IMAGE } from "./values.ts";

export type { RawConfig } from "./operator.ts";

/**
 * @param today YYYY-MM-DD, in UTC.
 * @throws {SettingsError} with every problem
 */
export function parseSettings(raw: RawConfig, systems: readonly System[], today: string = new Date().toISOString().slice(0, 10)): Settings {
  const problems = new Problems(raw.stack, raw.secretKeys);
  checkOperatorKeys(allOperatorKeys(systems), raw, problems);
  const requested = decodeConfig(raw, systems, today, problems);
  const stack = stackOf(raw, requested, systems, today, problems);

  const vpcCidr = requested.stack.vpcCidr ?? networkBlock(stack.environment, stack.region.slug);
  checkNetwork(["vpcCidr"], vpcCidr, problems);
  if (requested.stack.vpc !== undefined && requested.stack.vpcCidr !== undefined) {
    problems.add({
      at: ["vpcCidr"],
      given: requested.stack.vpcCidr,
      problem: "the network of slipway:vpc exists, and has its own block",
      allowed: "nothing here, or no vpc",
      fix: [{ remove: ["vpcCidr"] }, { remove: ["vpc"] }],
    });
  }
  const placed = stack.systems.map(({ system, requested, region }) => ({ name: system.name, requested, region }));
  const networks = networksOf(stack.environment, stack.region, vpcCidr, placed, problems);
  stack.notices.push(...distanceNotices(stack.systems.map(({ region }) => region)));

  const postDeploy = postDeployOf(stack);
  const verify = verifyOf(stack, postDeploy);
  const allowedSources = sourcesOf(stack, postDeploy);
  const postgres = postgresOf(stack);
  const valkey = valkeyOf(stack);
  const backups = backupsOf(stack, raw, postDeploy);
  const systemsWithoutKeys = systemsOf(stack, postgres, valkey, backups);
  const missing = missingKeys(stack, raw);
  const settled = systemsWithoutKeys.map((system) => withOperatorKeys(system, raw));
  checkExamples(stack, { postDeploy, systems: settled }, raw);

  problems.throwIfAny();
  return {
    project: raw.project,
    stack: raw.stack,
    environment: stack.environment,
    suffix: stack.suffix,
    networks: networks.map((network) =>
      requested.stack.vpc !== undefined && network.region === stack.region.slug ? { ...network, existing: requested.stack.vpc } : network,
    ),
    protect: requested.stack.protect ?? stack.defaults.protect,
    allowedSources,
    postgres,
    valkey,
    postDeploy,
    verify,
    backups,
    alertEmails: [...new Set(requested.stack.alertEmails)],
    keysRotated: requested.stack.keysRotated ?? "never",
    systems: settled,
    placeholders: missing.map(({ key }) => `${NAMESPACE}:${key}`),
    notices: stack.notices,
  };
}

const ENVIRONMENTS: readonly Environment[] = ["local", "staging", "prod"];

function stackOf(raw: RawConfig, requested: Requested, systems: readonly System[], today: string, problems: Problems): Stack {
  const environment = requested.stack.environment ?? ENVIRONMENTS.find((name) => name === raw.stack);
  if (environment === undefined) {
    problems.add({
      at: ["environment"],
      problem: `it is missing, and the stack's name, ${raw.stack}, does not say it`,
      allowed: ENVIRONMENTS.join(", "),
      fix: [{ set: ["environment"], to: "staging" }],
    });
  }
  // Where the environment is unknown, the one that requires least of the other settings.
  const certain = environment ?? "local";
  const region = requested.stack.region ?? defaultRegion();
  const suffix =
    requested.stack.suffix === undefined
      ? suffixOf(certain, raw.stack)
      : requested.stack.suffix === "none"
        ? ""
        : `-${requested.stack.suffix}`;
  const selected = selectSystems(requested, systems, problems).map((system): SelectedSystem => {
    const own = requested.systems.get(system.name)!;
    return { system, key: configName(system.name), requested: own, region: own.region ?? region, features: new Set(own.features) };
  });
  return { requested, environment: certain, defaults: DEFAULTS[certain], suffix, region, systems: selected, today, problems, notices: [] };
}

function selectSystems(requested: Requested, systems: readonly System[], problems: Problems): System[] {
  const names = requested.stack.systems;
  if (names === undefined) return [...systems];
  if (names.length === 0 && !problems.touches(["systems"])) {
    problems.add({
      at: ["systems"],
      problem: "a stack holds at least one system",
      allowed: systems.map(({ name }) => name).join(", "),
      fix: systems.slice(0, 1).map(({ name }) => ({ set: ["systems", 0], to: name })),
    });
  }
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first === index) continue;
    problems.add({
      at: ["systems", index],
      given: name,
      problem: `it repeats systems[${first}]`,
      allowed: "each system once",
      fix: [{ remove: ["systems", index] }],
    });
  }
  return systems.filter(({ name }) => names.includes(name));
}

function postDeployOf({ requested, problems }: Stack): PostDeploySettings {
  const { mode = "runner", image } = requested.stack.postDeploy ?? {};
  if (mode === "job" && image === undefined) {
    problems.add({
      at: ["postDeploy", "image"],
      problem: "it is missing: the job runs slipway's image inside the private network",
      allowed: IMAGE.allowed,
      fix: [{ set: ["postDeploy", "image"], to: IMAGE.likely }],
    });
  }
  if (mode !== "job" && image !== undefined) {
    problems.add({
      at: ["postDeploy", "image"],
      given: image,
      problem: `in mode ${mode} nothing runs an image`,
      allowed: "an image where the mode is job",
      fix: [{ remove: ["postDeploy", "image"] }, { set: ["postDeploy", "mode"], to: "job" }],
    });
  }
  return { mode, ...(image === undefined ? {} : { image }) };
}

/** A laptop runs placeholders. In the modes job and manual this machine does not reach the databases, and an operator may not have migrated them yet. */
function verifyOf({ requested, environment, problems }: Stack, { mode }: PostDeploySettings): VerifyMode {
  const given = requested.stack.verify;
  if (given !== undefined && given !== "off" && mode !== "runner") {
    problems.add({
      at: ["verify"],
      given,
      problem: `in mode ${mode} the machine that runs pulumi does not connect to the databases, so it cannot verify what depends on them`,
      allowed: "off; type slipway verify on a machine that is a trusted source of the clusters",
      fix: [{ set: ["verify"], to: "off" }],
    });
  }
  return given ?? (mode === "runner" && environment !== "local" ? "fail" : "off");
}

/** The runner connects from outside the network, so its address must be known; a job connects from inside. */
function sourcesOf({ requested, environment, defaults, problems }: Stack, { mode }: PostDeploySettings): string[] {
  const given = requested.stack.allowedSources ?? defaults.allowedSources;
  if (given.length === 0 && mode === "runner" && environment !== "local" && !problems.touches(["allowedSources"])) {
    problems.add({
      at: ["allowedSources"],
      problem: "it is empty, and the machine that runs pulumi also runs the post-deploy steps, so it must reach the databases",
      allowed: "the runner's public IPv4 address; nothing at all where slipway:postDeploy.mode is job or manual",
      fix: [
        { set: ["allowedSources", 0], to: "<IPv4 address of the runner>" },
        { set: ["postDeploy", "mode"], to: "job" },
      ],
    });
  }
  return checkSources(given, problems);
}
