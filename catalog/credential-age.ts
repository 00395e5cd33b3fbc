/** How old a credential may be: the products' documents ask for a rotation every 90 days. */
export const MOST_CREDENTIAL_DAYS = 90;

/** Whole days from one day (YYYY-MM-DD) to another. */
export const daysBetween = (since: string, today: string): number => Math.floor((Date.parse(today) - Date.parse(since)) / 86_400_000);

export interface RotateCommand {
  /** "-s prod" */
  readonly flags: string;
  readonly system: string;
  readonly role: string;
}

/** The command that rotates the keys of buckets, for messages. */
export const rotateKeysCommand = (flags: string): string => `slipway rotate keys ${flags}`;

/** The command that replaces secrets of a system, for messages. @param name of an operator's @default the generated ones */
export const rotateSecretsCommand = (flags: string, system: string, name?: string): string =>
  `slipway rotate secrets ${flags} --system ${system}${name === undefined ? " --yes" : ` --name ${name} --yes < new-value.txt`}`;

/** The command that rotates a role, for messages. */
export const rotateCommand = ({ flags, system, role }: RotateCommand): string =>
  `slipway rotate run ${flags} --system ${system}${role === "runtime" ? "" : ` --role ${role}`}`;
