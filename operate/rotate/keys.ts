/**
 * Replaces the keys of the buckets of a stack. The program names each key for the day of its rotation, so one deployment creates the new keys, gives them to
 * what uses them, and deletes the old ones last. A run that was killed is continued by the next one of the same day, or by an `up`.
 */
import type { StackFile } from "../stack-file.ts";
import type { RoleAccount } from "./account.ts";
import { RotateError } from "./error.ts";
import type { Deployer } from "./rotation.ts";
import { writeKeysRotated } from "./stack-file.ts";

export interface KeyRotationSubject {
  readonly file: StackFile;
  /** The setting before: a day, or "never". */
  readonly rotated: string;
  /** Those of the stack. Only their names tell the keys of several stacks in an account apart. */
  readonly buckets: readonly string[];
  readonly account: Pick<RoleAccount, "listKeys">;
  readonly deployer: Pick<Deployer, "requireNoChanges" | "deploy">;
}

export interface KeyRotation {
  /** YYYY-MM-DD */
  readonly today: string;
  readonly report: (line: string) => void;
}

/** @returns the names of the keys that the account has now */
export async function rotateKeys(
  { file, rotated, buckets, account, deployer }: KeyRotationSubject,
  options: KeyRotation,
): Promise<readonly string[]> {
  const { today, report } = options;
  if (rotated !== today) {
    // A rotation would deploy these too. What an interrupted one of an earlier day has not deployed is such a change.
    await deployer.requireNoChanges();
    writeKeysRotated(file, today);
  } else report(`${file.name} names ${today} already: continue that rotation`);
  report("Deploy with new keys");
  await deployer.deploy();
  const keys = (await account.listKeys()).filter((key) => key.buckets.some((bucket) => buckets.includes(bucket)));
  const names = keys.map(({ name }) => name);
  const made = names.filter((name) => name.endsWith(`-${today}`));
  // A key that someone created by hand for one of the buckets has another name, and stays.
  const old = names.filter((name) => made.some((one) => one !== name && withoutDay(one) === withoutDay(name)));
  if (made.length === 0)
    throw new RotateError(
      `The account has no key of ${today} after the deployment. See what the program declares: slipway plan. Then run the same command again.`,
    );
  if (old.length > 0)
    throw new RotateError(
      `The account still has ${old.join(", ")} after the deployment. Run the same command again; if it says the same, delete the key in the control panel (API → Spaces Keys).`,
    );
  report("The old keys are deleted");
  return made;
}

const withoutDay = (name: string): string => name.replace(/-\d{4}-\d\d-\d\d$/, "");
