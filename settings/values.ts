/**
 * Schemas of the single values in settings. Pulumi delivers text at the top level and JSON below it. Each schema knows the allowed values and a likely
 * one, for the message about a refused value.
 */
import * as z from "zod/mini";
import { AGE_RECIPIENT, AGE_SECRET_KEY, SIGNING_KEY_PREFIX, VERIFY_KEY, VERIFY_KEY_PREFIX } from "../catalog/backup-keys.ts";
import { instanceSlugs, isLegacyInstance } from "../catalog/instances.ts";
import { findNode, nodeSizes } from "../catalog/nodes.ts";
import { type DatabaseRegion, databaseRegions, type Engine, findDatabaseRegion, spacesRegions } from "../catalog/regions.ts";
import { findMajor, POSTGRES_MAJORS, REDIS_RETIRED, VALKEY_VERSIONS } from "../catalog/versions.ts";
import { nearest } from "./nearest.ts";

export interface Advice {
  readonly problem: string;
  readonly allowed: string;
  /** The value to type; `<…>` where only the operator knows it; undefined where no value is allowed. */
  readonly likely: string | undefined;
  /** Whether the message must not repeat the value. */
  readonly isHidden?: boolean;
}

/** slipway's own image, in the registry of the account. */
export const IMAGE = {
  allowed: "registry/repository:tag, with a tag that does not move (not latest)",
  likely: "registry.digitalocean.com/<registry>/slipway:1.0.0",
} as const;

/** Why a value is refused. The schema's own advice completes it. */
export class Refusal {
  readonly advice: Partial<Advice>;
  constructor(advice: Partial<Advice> = {}) {
    this.advice = advice;
  }
}

type ValueSchema<T> = z.ZodMiniType<T>;

function value<T>(advice: Advice, read: (given: unknown) => T | Refusal): ValueSchema<T> {
  return z.transform((given, context): T => {
    const result = read(given);
    if (!(result instanceof Refusal)) return result;
    context.issues.push({ code: "custom", input: given, params: { ...advice, ...result.advice } });
    return z.NEVER;
  });
}

export function oneOf<const Name extends string>(
  names: readonly Name[],
  what = "it is none of the allowed names",
  describe: (name: Name) => string = (name) => name,
): ValueSchema<Name> {
  const allowed = names.length === 0 ? "none" : names.map(describe).join(", ");
  return value({ problem: what, allowed, likely: names[0] }, (given) => {
    const found = names.find((name) => name === given);
    if (found !== undefined) return found;
    const likely = typeof given === "string" ? nearest(given, names) : undefined;
    return new Refusal(likely === undefined ? {} : { likely, problem: `${what}; did you mean ${likely}?` });
  });
}

/** Text that matches a pattern. */
export function form(pattern: RegExp, allowed: string, likely: string): ValueSchema<string> {
  return value({ problem: "it does not have the required form", allowed, likely }, (given) =>
    typeof given === "string" && pattern.test(given) ? given : new Refusal(),
  );
}

export function whole(least: number, most: number, likely = least): ValueSchema<number> {
  const advice = { problem: "it is not a whole number in the range", allowed: `${least} to ${most}`, likely: String(likely) };
  return value(advice, (given) => {
    const number = typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
    return typeof number === "number" && Number.isInteger(number) && number >= least && number <= most ? number : new Refusal();
  });
}

/** A single value arrives as text, one inside an object as a boolean. */
export const flag: ValueSchema<boolean> = value(
  { problem: "it is neither true nor false", allowed: "true, false", likely: "true" },
  (given) => (given === true || given === "true" ? true : given === false || given === "false" ? false : new Refusal()),
);

/** "30 GiB" as a number of GiB. */
export function gibibytes(least: number, most: number, step: number): ValueSchema<number> {
  const advice = {
    problem: "it is not a size",
    allowed: `${least} GiB to ${most} GiB in steps of ${step} GiB, with its unit`,
    likely: `${least} GiB`,
  };
  return value(advice, (given) => {
    const [, number, unit] = (typeof given === "string" && /^(\d+) ?(\w*)$/.exec(given)) || [];
    if (number === undefined) return new Refusal();
    const size = Math.min(most, Math.max(least, Math.ceil(Number(number) / step) * step));
    if (unit !== "GiB") return new Refusal({ problem: unit === "" ? "it has no unit" : "disks are counted in GiB", likely: `${size} GiB` });
    return size === Number(number) ? size : new Refusal({ problem: "it is not a size that disks come in", likely: `${size} GiB` });
  });
}

export function percent(least: number, most: number): ValueSchema<number> {
  const advice = { problem: "it is not a percentage in the range", allowed: `${least}% to ${most}%`, likely: `${most}%` };
  return value(advice, (given) => {
    const number = typeof given === "string" && /^\d+%$/.test(given) ? Number.parseInt(given, 10) : Number.NaN;
    return number >= least && number <= most ? number : new Refusal();
  });
}

/** A day that exists and is not ahead of today (YYYY-MM-DD). */
export function pastDay(today: string): ValueSchema<string> {
  return value({ problem: "it is not a date", allowed: `a day up to today, as ${today}`, likely: today }, (given) => {
    if (typeof given !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(given)) return new Refusal();
    const day = new Date(`${given}T00:00:00Z`);
    if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== given)
      return new Refusal({ problem: "the calendar has no such day" });
    return given <= today ? given : new Refusal({ problem: "it is in the future" });
  });
}

export function databaseRegion(): ValueSchema<DatabaseRegion> {
  return value({ problem: "it is not the name of a region", allowed: databaseRegions(hasApps).join(", "), likely: "nyc1" }, (given) => {
    if (typeof given !== "string") return new Refusal();
    const region = findDatabaseRegion(given);
    if ("problem" in region) return new Refusal({ problem: region.problem, allowed: region.allowed.join(", "), likely: region.likely });
    return hasApps(region)
      ? region
      : new Refusal({ problem: `App Platform has no region in ${region.city}, so the apps would be in another city than their data` });
  });
}

function hasApps(region: DatabaseRegion): boolean {
  return region.app !== undefined;
}

/** A read replica may be in a region without apps. */
export function replicaRegion(): ValueSchema<string> {
  const everywhere = databaseRegions(({ engines }) => engines.includes("pg"));
  return value({ problem: "it is not the name of a region", allowed: everywhere.join(", "), likely: "nyc1" }, (given) => {
    if (typeof given !== "string") return new Refusal();
    const region = findDatabaseRegion(given);
    return "problem" in region
      ? new Refusal({ problem: region.problem, allowed: region.allowed.join(", "), likely: region.likely })
      : region.slug;
  });
}

export const image: ValueSchema<string> = form(
  /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:(?!latest$)[\w][\w.-]*|@sha256:[0-9a-f]{64})$/,
  IMAGE.allowed,
  IMAGE.likely,
);

interface PublicKey {
  readonly name: string;
  readonly prefix: string;
  readonly pattern: RegExp;
  /** How the secret key that belongs to it looks. */
  readonly secretKey: RegExp;
  /** What a secret key in its place is, and what to do then. */
  readonly compromised: string;
}

/** A secret key in its place is a secret in plain text, which no message may repeat. */
const publicKey = ({ name, prefix, pattern, secretKey, compromised }: PublicKey): ValueSchema<string> =>
  value(
    {
      problem: `it is not ${name}`,
      allowed: `text that begins with ${prefix}, as \`slipway backup keys\` prints it`,
      likely: `<${prefix}…>`,
    },
    (given) => {
      if (typeof given !== "string") return new Refusal();
      if (secretKey.test(given)) return new Refusal({ isHidden: true, problem: compromised });
      return pattern.test(given) ? given : new Refusal();
    },
  );

export const verifyKey = publicKey({
  name: "a verify key",
  prefix: VERIFY_KEY_PREFIX,
  pattern: VERIFY_KEY,
  secretKey: new RegExp(SIGNING_KEY_PREFIX),
  compromised: "it is the key that signs backups. Treat it as compromised: create another one, and set it as the secret backupSigningKey",
});

export const ageRecipient = publicKey({
  name: "an age recipient",
  prefix: "age1",
  pattern: AGE_RECIPIENT,
  secretKey: AGE_SECRET_KEY,
  compromised:
    "it is the secret key that decrypts backups. Treat it as compromised: create another one, and keep it where no backup is made",
});

export function spacesRegion(): ValueSchema<string> {
  return oneOf(spacesRegions(), "there are no buckets in this region");
}

export function nodeSize(engine: Engine): ValueSchema<string> {
  const slugs = nodeSizes(engine).map(({ slug }) => slug);
  const advice = { problem: "DigitalOcean has no such node", allowed: slugs.join(", "), likely: slugs[1]! };
  return value(advice, (given) => {
    if (typeof given !== "string") return new Refusal();
    if (slugs.includes(given)) return given;
    if (findNode(given) !== undefined)
      return new Refusal({ problem: `this node is not offered for ${engine === "pg" ? "Postgres" : "Valkey"}` });
    const likely = nearest(given, slugs);
    return new Refusal(likely === undefined ? {} : { likely });
  });
}

export function instanceSlug(): ValueSchema<string> {
  const slugs = instanceSlugs();
  return value({ problem: "App Platform has no such instance size", allowed: slugs.join(", "), likely: slugs[0]! }, (given) => {
    if (typeof given !== "string") return new Refusal();
    if (slugs.includes(given)) return given;
    if (isLegacyInstance(given)) return new Refusal({ problem: "it is a legacy plan, which App Platform is retiring" });
    const likely = nearest(given, slugs);
    return new Refusal(likely === undefined ? {} : { likely });
  });
}

/** `pulumi config set --path` makes a number of 17. */
export function postgresMajor(): ValueSchema<string> {
  const majors = POSTGRES_MAJORS.map(({ major }) => major);
  return value(
    { problem: "it is not a Postgres major that DigitalOcean runs", allowed: majors.join(", "), likely: majors.at(-1)! },
    (given) => {
      const major = String(given);
      if (findMajor(major) !== undefined) return major;
      return /\.\d/.test(major) && findMajor(major.split(".")[0]!) !== undefined
        ? new Refusal({ problem: "it contains a minor version, which DigitalOcean selects", likely: major.split(".")[0]! })
        : new Refusal();
    },
  );
}

export function valkeyVersion(): ValueSchema<string> {
  return value(
    { problem: "it is not a Valkey version that DigitalOcean runs", allowed: VALKEY_VERSIONS.join(", "), likely: VALKEY_VERSIONS[0]! },
    (given) =>
      VALKEY_VERSIONS.includes(String(given))
        ? String(given)
        : new Refusal(String(given) === "7" ? { problem: `7 was Redis, ${RETIRED}` } : {}),
  );
}

export const RETIRED = `retired at DigitalOcean since ${REDIS_RETIRED}; use valkey`;
