/** `slipway rotate keys`: replaces the keys of the buckets of a stack. */
import { offsiteBucketOf } from "../../catalog/backup-buckets.ts";
import { rotateKeys } from "../../operate/rotate/keys.ts";
import type { Settings } from "../../settings/settings.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RotateOptions } from "./flags.ts";
import { lockRotation } from "./lock.ts";
import { openSubject } from "./subject.ts";

/** @returns the exit code. */
export async function keys(options: RotateOptions, terminal: Terminal): Promise<number> {
  if (options.system !== undefined) throw new UsageError("The keys of all buckets of a stack are rotated together: leave out --system.");
  const subject = await openSubject(options, "keys");
  const { settings } = subject;
  const buckets = bucketsOf(settings);
  if (buckets.length === 0) throw new UsageError(`Stack ${settings.stack} has no bucket, so there is no key to rotate.`);
  const unlock = lockRotation(subject.project);
  try {
    const made = await rotateKeys(await subject.keyRotation(buckets), {
      today: new Date().toISOString().slice(0, 10),
      report: (line) => terminal.log(line),
    });
    terminal.print(
      options.json
        ? JSON.stringify({ stack: settings.stack, keys: made }, null, 2)
        : [
            `${pluralize(made.length, "key")} of buckets ${made.length === 1 ? "was" : "were"} replaced: ${made.join(", ")}. The old ones are deleted.`,
            `Commit Pulumi.${settings.stack}.yaml: it says since when they are used.`,
            ...(settings.backups.enabled
              ? [
                  `What makes or reads backups outside of the stack needs the new key: pulumi stack output backupVariables --show-secrets ${subject.flags}`,
                ]
              : []),
          ].join("\n"),
    );
    return DONE;
  } finally {
    unlock();
  }
}

/** Of the systems, and of the backups in both places. */
function bucketsOf({ backups, suffix, systems }: Settings): readonly string[] {
  const primary = `${backups.bucketPrefix}${suffix}`;
  return [
    ...systems.flatMap(({ buckets }) => Object.values(buckets).map(({ name }) => name)),
    ...(backups.enabled ? [primary, offsiteBucketOf(primary)] : []),
  ];
}
