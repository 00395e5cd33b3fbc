/** The types of slipway's dynamic resources in a plan and a state. They are identity: a change is a migration and needs an alias for the old type. */

export const STEP = {
  Roles: "pulumi-nodejs:dynamic/slipway:Roles",
  Backup: "pulumi-nodejs:dynamic/slipway:Backup",
  Migrations: "pulumi-nodejs:dynamic/slipway:Migrations",
  Keyspaces: "pulumi-nodejs:dynamic/slipway:Keyspaces",
  Verification: "pulumi-nodejs:dynamic/slipway:Verification",
} as const;

/** The token of an app's variables, see `components/quiet.ts`. */
export const SENT_VARIABLES = "pulumi-nodejs:dynamic/slipway:SentVariables";
