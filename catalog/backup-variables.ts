/** The environment variables of `slipway backup`. The worker of a deployed stack has the same ones. */

export const BACKUP_VARIABLES = {
  /** Where the primary copy is: s3://bucket/prefix?region=…, or a folder. */
  store: "SLIPWAY_BACKUP_STORE",
  /** <access key>:<secret key> */
  storeKey: "SLIPWAY_BACKUP_STORE_KEY",
  offsite: "SLIPWAY_BACKUP_OFFSITE",
  offsiteKey: "SLIPWAY_BACKUP_OFFSITE_KEY",
  /** Public: the age recipients that backups are encrypted for. */
  recipients: "SLIPWAY_BACKUP_RECIPIENTS",
  signingKey: "SLIPWAY_BACKUP_SIGNING_KEY",
  /** Public: whose signatures count. */
  verifyKeys: "SLIPWAY_BACKUP_VERIFY_KEYS",
  /** How long backups are kept, where no flag says it: "daily=30,weekly=12,monthly=12,yearly=5". */
  keep: "SLIPWAY_BACKUP_KEEP",
} as const;
