/** The flags and help of `slipway rotate` and its commands. */
import { MOST_CREDENTIAL_DAYS } from "../../catalog/credential-age.ts";
import { createCommand, describe, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const ROLES = ["runtime", "owner", "readonly", "backup"] as const;

export const declareGroup = () =>
  createCommand("rotate", {
    usage: ["<command> --stack <name> [flags]"],
    examples: [
      ["Show how old the credentials of a stack are", "slipway rotate status --stack prod"],
      ["Print what a rotation does, and what remains to be done by hand", "slipway rotate plan --stack prod --system shop"],
      ["Replace the credentials of an application without a failed request", "slipway rotate run --stack prod --system shop"],
    ],
    details: [
      "A database role has two users. A rotation moves the apps from one to the other with a deployment, and then replaces the password of the first, so no credential changes while something uses it.",
      "The token of the stack needs the scope database:view_credentials, and this machine must be a trusted source of the clusters.",
    ],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input; nothing was done" },
  })
    .addOption(stackFlag())
    .option("--system <name>", "Only this system")
    .addOption(
      option("--role <name>", "The database role")
        .choices(ROLES)
        .default("runtime" as (typeof ROLES)[number]),
    )
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result as JSON")
    .addOption(cwdFlag());

type Group = ReturnType<typeof declareGroup>;
export type RotateOptions = OptionsOf<typeof declareGroup>;

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Show which users are used, since when, and what is unfinished"), {
    usage: ["--stack <name> [flags]"],
    examples: [["Show the roles of every system of stack prod", "slipway rotate status --stack prod"]],
    exitCodes: {
      0: `every credential is used for ${MOST_CREDENTIAL_DAYS} days at most`,
      1: "one is older, a rotation is unfinished, or the account could not be read",
      2: "bad input",
    },
  });

export const declarePlan = (group: Group) =>
  describe(group.command("plan").summary("Print the steps of a rotation, and those by hand; changes nothing"), {
    usage: ["--stack <name> [flags]"],
    examples: [["Print what to rotate in stack prod, and how", "slipway rotate plan --stack prod"]],
    exitCodes: { 0: "printed", 1: "failed", 2: "bad input" },
  });

export const declareKeys = (group: Group) =>
  describe(group.command("keys").summary("Replace the keys of the buckets of a stack"), {
    usage: ["--stack <name> [flags]"],
    examples: [["Replace the keys of stack prod", "slipway rotate keys --stack prod"]],
    details: [
      "One deployment creates the new keys, gives them to the apps, and deletes the old ones last. What uses the key of the backups outside of the stack needs the new one afterwards.",
    ],
    exitCodes: { 0: "replaced, and the old keys are deleted", 1: "failed; run it again", 2: "bad input; nothing was done" },
  });

export const declareSecrets = (group: Group) =>
  describe(group.command("secrets").summary("Replace the generated secrets of a system, or one of yours"), {
    usage: ["--stack <name> --system <name> [flags]"],
    examples: [
      ["Print which generated secrets would be replaced", "slipway rotate secrets --stack prod --system shop"],
      ["Replace them", "slipway rotate secrets --stack prod --system shop --yes"],
      ["Set a new value of a secret of yours", "slipway rotate secrets -s prod --system shop --name key --yes < new.txt"],
    ],
    details: [
      "The apps are deployed with new values, and the account is asked whether they run with them. What was signed with an old generated secret is refused from then on: users sign in again.",
      "With --name, the new value is read from standard input. Create it where the secret comes from, run this, and delete the old one there afterwards.",
    ],
    exitCodes: { 0: "replaced; or printed, without --yes", 1: "failed; run it again", 2: "bad input; nothing was done" },
  })
    .option("--name <secret>", "A secret that an operator sets, instead of the generated ones")
    .option("--yes", "Replace them; without it, nothing is changed");
export type SecretsOptions = OptionsOf<typeof declareGroup> & ReturnType<ReturnType<typeof declareSecrets>["opts"]>;

const seconds = (flag: string) => (text: string) =>
  parseWholeNumber(text, {
    flag,
    from: 0,
    to: 86_400,
    unit: "seconds",
    example: `slipway rotate run --stack prod --system shop ${flag} 120`,
  });

export const declareRun = (group: Group) =>
  describe(group.command("run").summary("Rotate a role, or continue a rotation that was interrupted"), {
    usage: ["--stack <name> --system <name> [flags]"],
    examples: [
      ["Rotate the role of the applications", "slipway rotate run --stack prod --system shop"],
      ["Rotate the role that backups use", "slipway rotate run --stack prod --system shop --role backup"],
    ],
    details: [
      "Run the same command again after an interruption: it continues where the interrupted run was. Commit the file of the stack afterwards.",
    ],
    exitCodes: { 0: "rotated, and the old password is refused", 1: "failed; run it again", 2: "bad input; nothing was done" },
  })
    .optionsGroup("Sessions of the old user:")
    .addOption(
      option("--idle <seconds>", "End a session that sent no statement for so long").argParser(seconds("--idle")).default(60, "60"),
    )
    .addOption(option("--wait <seconds>", "Wait so long for the others").argParser(seconds("--wait")).default(600, "600"))
    .option("--end-sessions", "End those that are left then, instead of failing");
export type RunOptions = OptionsOf<typeof declareGroup> & ReturnType<ReturnType<typeof declareRun>["opts"]>;
