/** Where backups are stored, and what makes them: the recipients that they are encrypted for, the worker's image, the schedule and the retention. */
import { SIGNING_KEY_PREFIX } from "../catalog/backup-keys.ts";
import { NAMES } from "../catalog/limits.ts";
import { offsiteOf, spacesNear, spacesRegions } from "../catalog/regions.ts";
import { DEFAULT_RETENTION } from "../catalog/retention.ts";
import { type RawConfig, SIGNING_KEY } from "./operator.ts";
import { NAMESPACE, type Path } from "./problems.ts";
import type { BackupSchedule, BackupSettings, PostDeploySettings } from "./settings.ts";
import { defined, type Stack } from "./stack.ts";
import { IMAGE } from "./values.ts";

/** A migration waits at most this long for a newer backup: one that was made for it a moment ago is not made again. */
const MAX_AGE_HOURS = 1;

export function backupsOf(stack: Stack, raw: RawConfig, postDeploy: PostDeploySettings): BackupSettings {
  const { requested, environment, defaults, region, suffix, problems } = stack;
  const given = requested.stack.backups ?? {};
  const enabled = given.enabled ?? defaults.backups;
  const near = given.region ?? spacesNear(region.slug);
  const offsiteRegion = given.offsiteRegion ?? offsiteOf(near)!;
  if (!enabled && environment === "prod") {
    problems.add({
      at: ["backups", "enabled"],
      given: enabled,
      problem: "production always has buckets for its backups",
      allowed: "true",
      fix: [{ remove: ["backups", "enabled"] }],
    });
  }
  if (offsiteRegion === near) {
    problems.add({
      at: ["backups", "offsiteRegion"],
      given: offsiteRegion,
      problem: "a copy in the same region is lost together with the first",
      allowed: spacesRegions()
        .filter((slug) => slug !== near)
        .join(", "),
      fix: [{ set: ["backups", "offsiteRegion"], to: offsiteOf(near)! }],
    });
  }
  const schedule = enabled ? scheduleOf(stack, raw, postDeploy) : withoutSchedule(stack);
  return {
    enabled,
    region: near,
    offsiteRegion,
    bucketPrefix: given.bucketPrefix ?? `${raw.project.toLowerCase().replace(/[^a-z0-9]+/g, "-")}${suffix}`,
    ...(schedule === undefined ? {} : { schedule }),
  };
}

/** Recipients switch it on: without one nothing could be encrypted. */
function scheduleOf(
  { requested, environment, systems, suffix, problems, notices }: Stack,
  raw: RawConfig,
  { image: job }: PostDeploySettings,
) {
  const {
    recipients = [],
    verifyKeys = [],
    image = job,
    hourly = false,
    keep = {},
    maxAgeHours = MAX_AGE_HOURS,
  } = requested.stack.backups ?? {};
  if (recipients.length === 0) {
    refuseWithout(["verifyKeys", "image", "hourly", "keep", "maxAgeHours"], "it has no effect without recipients: nothing makes backups", {
      requested,
      problems,
    });
    if (environment !== "local")
      notices.push(
        "Nothing makes backups: slipway:backups.recipients is empty, so that the buckets stay empty. See docs/backup.md, " +
          '"Let the stack make backups".',
      );
    return undefined;
  }
  const distinct = [...new Set(recipients)];
  if (distinct.length === 1)
    notices.push(
      "Only one age key can decrypt the backups: slipway:backups.recipients has one recipient. If its key is lost, no backup can be read.",
    );
  const retention = { ...DEFAULT_RETENTION, ...defined(keep) };
  if (Object.values(retention).every((count) => count === 0))
    problems.add({
      at: ["backups", "keep"],
      given: keep,
      problem: "it would keep no backup",
      allowed: "1 or more of daily, weekly, monthly or yearly",
      fix: [{ remove: ["backups", "keep"] }],
    });
  if (image === undefined)
    problems.add({
      at: ["backups", "image"],
      problem: "it is missing: the worker that makes backups runs slipway's image",
      allowed: IMAGE.allowed,
      fix: [{ set: ["backups", "image"], to: IMAGE.likely }],
    });
  checkWorkerNames({ systems, suffix, problems });
  checkSigningKey(raw, problems);
  return {
    recipients: distinct,
    verifyKeys: [...new Set(verifyKeys)],
    image: image ?? "",
    hourly,
    retention,
    maxAgeHours,
  } satisfies BackupSchedule;
}

function withoutSchedule(stack: Stack): undefined {
  refuseWithout(
    ["recipients", "verifyKeys", "image", "hourly", "keep", "maxAgeHours"],
    "it has no effect where backups are off: there is no bucket",
    stack,
  );
}

type BackupKey = Exclude<keyof NonNullable<Stack["requested"]["stack"]["backups"]>, undefined>;

function refuseWithout(keys: readonly BackupKey[], problem: string, { requested, problems }: Pick<Stack, "requested" | "problems">): void {
  for (const key of keys) {
    const given = requested.stack.backups?.[key];
    if (given === undefined || (Array.isArray(given) && given.length === 0)) continue;
    problems.add({ at: ["backups", key], given, problem, allowed: "nothing", fix: [{ remove: ["backups", key] }] });
  }
}

export const workerName = (system: string, suffix: string): string => `${system}-backups${suffix}`;

function checkWorkerNames({ systems, suffix, problems }: Pick<Stack, "systems" | "suffix" | "problems">): void {
  for (const { system } of systems) {
    const name = workerName(system.name, suffix);
    if (NAMES.app.pattern.test(name)) continue;
    problems.add({
      at: ["suffix"],
      given: suffix.slice(1),
      problem: `with it the app that makes backups is called ${name}, ${name.length} characters, which App Platform refuses`,
      allowed: NAMES.app.description,
      fix: [{ set: ["suffix"], to: "<short name>" }],
    });
  }
}

/** A recorded program has text of its own in the place of each secret. operator.ts reports a key that is missing or in plain text. */
function checkSigningKey({ values, underEngine }: RawConfig, problems: Stack["problems"]): void {
  const at: Path = [SIGNING_KEY.key];
  const value = values[`${NAMESPACE}:${SIGNING_KEY.key}`];
  if (!underEngine || value === undefined || value.startsWith(SIGNING_KEY_PREFIX)) return;
  problems.add({
    at,
    problem: "it is not a signing key",
    allowed: `the SLIPWAY_BACKUP_SIGNING_KEY that \`slipway backup keys\` wrote; it begins with ${SIGNING_KEY_PREFIX}`,
    fix: [{ set: at, secret: true }],
  });
}
