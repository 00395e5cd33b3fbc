/** Findings from the plan alone: open firewalls, unprotected data, unverified connections, logins with too many rights. */

import { daysBetween, MOST_CREDENTIAL_DAYS } from "../catalog/credential-age.ts";
import { namesSecret } from "../catalog/secrets.ts";
import { findPublicExcess, findSourceFault, formatCount } from "../catalog/trusted-sources.ts";
import type { Plan, PlannedResource, Value } from "../engine/plan.ts";
import type { Finding, Station } from "../report/audit.ts";
import { ADMIN, databasesOf, field, items, type Variable, variablesOf } from "../report/plan/app-spec.ts";
import { declaredSecrets } from "../report/plan/declared.ts";
import { finding } from "./finding.ts";
import { nameOf, placeStep, variableStep } from "./flow.ts";
import { planPlaces } from "./run/places.ts";

export interface Circumstances {
  readonly production: boolean;
  /** YYYY-MM-DD */
  readonly today: string;
  /** Days after which a generated secret is too old. */
  readonly maxAgeDays: number;
}

const OF = "digitalocean:index/";
const CLUSTER = `${OF}databaseCluster:DatabaseCluster`;
const REPLICA = `${OF}databaseReplica:DatabaseReplica`;
const FIREWALL = `${OF}databaseFirewall:DatabaseFirewall`;
const KEY = `${OF}spacesKey:SpacesKey`;
/** Types that hold data. */
const DATA = [CLUSTER, `${OF}databaseDb:DatabaseDb`, `${OF}spacesBucket:SpacesBucket`, `${OF}volume:Volume`];

export function structureFaults(plan: Plan, circumstances: Circumstances): readonly Finding[] {
  const variables = variablesOf(plan);
  return [
    ...openDoors(plan),
    ...(circumstances.production ? unprotected(plan) : []),
    ...unverified(variables),
    ...unverifiedSteps(plan),
    ...administrators(plan, variables),
    ...namedLikeSecrets(variables),
    ...wideKeys(plan),
    ...oldSecrets(plan, circumstances),
    ...oldCredentials(plan, circumstances),
  ];
}

function openDoors({ resources }: Plan): Finding[] {
  const firewalls = resources.filter(({ type }) => type === FIREWALL);
  const guarded = new Set(firewalls.flatMap(({ propertyDependencies: { clusterId = [] } }) => clusterId));
  const ids = new Set(firewalls.map(({ inputs }) => inputs.clusterId));
  const bare = resources
    .filter(({ type, read }) => (type === CLUSTER || type === REPLICA) && !read)
    .filter(({ urn, name, options: { importId } }) => !guarded.has(urn) && !ids.has(`${name}-id`) && !ids.has(importId ?? ""));
  return [
    ...bare.map((cluster) =>
      finding({
        rule: "firewall-open",
        message: `${nameOf(cluster)} has no firewall: DigitalOcean lets everybody in.`,
        flow: [at(cluster)],
      }),
    ),
    ...firewalls.flatMap((firewall) => {
      const rules = items(firewall.inputs.rules);
      if (rules.length === 0)
        return [
          finding({
            rule: "firewall-open",
            message: `${nameOf(firewall)} has no rule: DigitalOcean lets everybody in.`,
            flow: [at(firewall, "rules")],
          }),
        ];
      return openSources(rules).map(({ message, path }) =>
        finding({ rule: "firewall-open", message: `${nameOf(firewall)} ${message}.`, flow: [at(firewall, path)] }),
      );
    }),
  ];
}

function openSources(rules: readonly Value[]): { readonly message: string; readonly path: string }[] {
  const sources = rules.flatMap((rule) => {
    const value = field(rule, "value");
    return field(rule, "type") === "ip_addr" && typeof value === "string" ? [value] : [];
  });
  const faults = sources.flatMap((source) => {
    const fault = findSourceFault(source);
    return fault === undefined ? [] : [{ message: `lists ${source}, which ${fault.text}`, path: `rules ${source}` }];
  });
  const excess = findPublicExcess(sources);
  return excess === undefined
    ? faults
    : [...faults, { message: `lets ${formatCount(excess)} public addresses reach the database`, path: "rules" }];
}

function unprotected({ resources }: Plan): Finding[] {
  return resources
    .filter(({ type, read, options }) => DATA.includes(type) && !read && options.protect !== true)
    .map((resource) =>
      finding({ rule: "data-unprotected", message: `${nameOf(resource)} may be deleted or replaced.`, flow: [at(resource)] }),
    );
}

const WEAK_MODES = ["disable", "allow", "prefer", "require"];

function unverified(variables: readonly Variable[]): Finding[] {
  return variables.flatMap((variable) => {
    const sslMode = variables.find(
      ({ key, component, resource }) => key === "PGSSLMODE" && component === variable.component && resource === variable.resource,
    );
    const problem = weakness(variable, sslMode?.text);
    if (problem === undefined) return [];
    const { key, component, app } = variable;
    return [finding({ rule: "tls-not-verified", message: `${key} of ${component} in ${app} ${problem}.`, flow: [variableStep(variable)] })];
  });
}

/** The connections of the program's dynamic resources. */
function unverifiedSteps(plan: Plan): Finding[] {
  const steps = new Set(plan.resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic")).map(({ urn }) => urn));
  return planPlaces(plan)
    .filter(({ urn = "", kind }) => kind === "input" && steps.has(urn))
    .flatMap((place) => {
      const problem = addressWeakness(place.text, undefined);
      if (problem === undefined) return [];
      const step = placeStep(place, plan);
      return [finding({ rule: "tls-not-verified", message: `${step.what} ${problem}.`, flow: [step] })];
    });
}

function weakness({ key, text, references }: Variable, mode: string | undefined): string | undefined {
  if (key === "NODE_TLS_REJECT_UNAUTHORIZED" && text === "0") return "accepts any certificate";
  if (/REJECT_UNAUTHORIZED$/.test(key) && /^(false|0|no)$/i.test(text)) return "accepts any certificate";
  if (/SSL_CERT_REQS$/.test(key) && /^(none|optional)$/i.test(text)) return "accepts any certificate";
  if (key === "PGSSLMODE" && WEAK_MODES.includes(text)) return `is ${text}, which does not verify the certificate`;
  const whole = references.find(({ part, login }) => login?.engine === "PG" && /DATABASE_URL$/.test(part));
  if (whole) return `is \${${whole.alias}.${whole.part}}, which requires TLS but does not verify the certificate`;
  return addressWeakness(text, mode);
}

function addressWeakness(text: string, mode: string | undefined): string | undefined {
  if (/^redis:\/\//.test(text)) return "connects to Valkey without TLS";
  if (/^(mysql|mongodb|amqp|http):\/\/[^/]*@/.test(text)) return "sends a login without TLS";
  if (!/^postgres(ql)?(\+\w+)?:\/\//.test(text)) return undefined;
  const given = /[?&]ssl(?:mode)?=([\w-]+)/.exec(text)?.[1] ?? mode;
  if (given === undefined) return "connects to Postgres without requiring TLS";
  return given.startsWith("verify-") ? undefined : `connects to Postgres with ${given}, which does not verify the certificate`;
}

/** Flags, numbers, addresses without a login, and references are public under any name. */
const PUBLIC_VALUE = /^(true|false|on|off|yes|no|none|null|[\d.,:_-]*|https?:\/\/[^@]*|\/.*|.*\$\{.*)$/i;

/** Without a mark, the program holds the value itself. */
function namedLikeSecrets(variables: readonly Variable[]): Finding[] {
  return variables
    .filter(({ key, text, type, sealed }) => namesSecret(key) && type !== "SECRET" && !sealed && !PUBLIC_VALUE.test(text))
    .map((variable) => {
      const { key, component, app } = variable;
      const message = `${key} of ${component || "every component"} in ${app} has the name of a secret, and a plain value.`;
      return finding({ rule: "secret-named", message, flow: [variableStep(variable)] });
    });
}

/** A job may connect as administrator or owner: migrations need those rights. */
function administrators(plan: Plan, variables: readonly Variable[]): Finding[] {
  const owners = new Set(plan.resources.flatMap(({ inputs }) => field(inputs.roles, "owner") ?? []));
  return plan.resources.flatMap((resource) =>
    databasesOf(resource).flatMap(({ alias, user, engine }) => {
      if (engine !== "PG" || (user !== ADMIN && !owners.has(user))) return [];
      const users = variables.filter(
        (one) => one.resource === resource && one.kind !== "job" && one.references.some((reference) => reference.alias === alias),
      );
      return users.map((variable) =>
        finding({
          rule: user === ADMIN ? "app-uses-admin" : "role-too-strong",
          message: `${variable.key} of ${variable.component} in ${variable.app} connects as ${user}, ${user === ADMIN ? "the cluster's administrator" : "who owns every table"}.`,
          flow: [at(resource, `spec.database ${alias}`), variableStep(variable)],
        }),
      );
    }),
  );
}

function wideKeys({ resources }: Plan): Finding[] {
  return resources
    .filter(({ type }) => type === KEY)
    .flatMap((key) =>
      items(key.inputs.grants)
        .filter((grant) => field(grant, "permission") === "fullaccess" || field(grant, "bucket") === "")
        .map(() =>
          finding({ rule: "role-too-strong", message: `${nameOf(key)} opens every bucket of the account.`, flow: [at(key, "grants")] }),
        ),
    );
}

const DAY = 86_400_000;

function oldSecrets({ resources }: Plan, { production, today, maxAgeDays }: Circumstances): Finding[] {
  return resources
    .filter(({ type }) => type.startsWith("random:"))
    .flatMap((resource) => {
      const [dated] = Object.entries((field(resource.inputs, "keepers") ?? {}) as Record<string, unknown>).flatMap(([key, value]) =>
        typeof value === "string" && (/^\d{4}-\d\d-\d\d$/.test(value) || (production && value === "never")) ? [{ key, value }] : [],
      );
      if (dated === undefined) return [];
      const age = (Date.parse(today) - Date.parse(dated.value)) / DAY;
      if (age <= maxAgeDays) return [];
      const since = dated.value === "never" ? "was never rotated" : `is ${Math.floor(age)} days old, more than ${maxAgeDays}`;
      return [finding({ rule: "secret-old", message: `${nameOf(resource)} ${since}.`, flow: [at(resource, `keepers.${dated.key}`)] })];
    });
}

/** Those of database roles that were rotated before. How old the others are, only the account knows: `slipway rotate status`. */
function oldCredentials(plan: Plan, { today }: Circumstances): Finding[] {
  return declaredSecrets(plan).flatMap(({ secret, urn, since, rotate }) => {
    const resource = plan.resources.find((one) => one.urn === urn);
    if (since === undefined || resource === undefined) return [];
    const days = daysBetween(since, today);
    if (days <= MOST_CREDENTIAL_DAYS) return [];
    return [
      finding({
        rule: "secret-old",
        message: `${secret} is ${days} days old, more than ${MOST_CREDENTIAL_DAYS}. Rotate it: ${rotate}`,
        flow: [at(resource)],
      }),
    ];
  });
}

function at(resource: PlannedResource, path?: string): Station {
  const { urn, source } = resource;
  return {
    what: path === undefined ? nameOf(resource) : `${path} of ${nameOf(resource)}`,
    urn,
    ...(path && { path }),
    ...(source && { source }),
  };
}
