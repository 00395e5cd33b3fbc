/** The flags and help of `slipway rollback` and its commands. */
import { collect, createCommand, describe, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { stackFlag } from "../shared/flags.ts";

const LOCKED = { 75: "another rollback of the system is running" };

export const declareGroup = () =>
  createCommand("rollback", {
    usage: ["<command> --system <name> [flags]"],
    examples: [
      ["Show what both rollbacks of a system would do", "slipway rollback plan --system shop --stack prod"],
      ["Return to the deployment before, with the data of today", "slipway rollback quick --system shop --stack prod --yes"],
      ["Return to the data of the newest backup", "slipway rollback full --system shop --identity backup-key.txt --yes"],
    ],
    details: [
      "quick lets App Platform run an earlier deployment again; the data stays. full restores a backup into a new database, and gives it the name of the old one, which is kept. Both refuse, with the reason, what would not work or would lose data. docs/rollback.md describes them.",
    ],
    exitCodes: { 0: "done", 1: "refused or failed", 2: "bad input; nothing was done", 3: "outcome unknown: run it again", ...LOCKED },
  })
    .optionsGroup("What to roll back:")
    .option("--system <name>", "The system")
    .addOption(stackFlag())
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result as JSON");

type Group = ReturnType<typeof declareGroup>;

const APP = ["--app <name>", "Only this app (default: those of the last release)"] as const;
const TO = ["--to <deployment>", "The deployment to return to (default: the newest earlier one that was active)"] as const;
const MIGRATE_DOWN = ["--migrate-down", "Also revert the migrations since that deployment (default: they stay)"] as const;
const BACKUP = ["--backup <id>", "The backup to restore (default: the newest usable one)"] as const;
const MIGRATE_UP = ["--migrate-up", "Apply the migrations that the backup lacks, before the switch"] as const;
const acceptFlag = () =>
  option("--accept-data-loss <names>", "What reverting may lose, as the refusal names it; repeatable").argParser(
    (value: string, previous: readonly string[] | undefined) =>
      value.split(",").reduce<readonly string[]>((all, one) => collect(one.trim(), all), previous ?? []),
  );
const waitFlag = () =>
  option("--wait <minutes>", "How long to wait for a deployment (default: 15)").argParser((text) =>
    parseWholeNumber(text, { flag: "--wait", from: 0, to: 240, unit: "minutes", example: "slipway rollback quick --wait 30" }),
  );

export const declarePlan = (group: Group) =>
  describe(group.command("plan").summary("Print both rollbacks, what each does, and why one is refused"), {
    usage: ["--system <name> [flags]"],
    examples: [
      ["Of a system of the local platform", "slipway rollback plan --system shop"],
      ["Of stack prod, with the migrations reverted", "slipway rollback plan --system shop --stack prod --migrate-down"],
    ],
    details: [
      "Changes nothing. It asks App Platform which deployments it returns to, and reads the ledger of the migrations and the list of backups.",
    ],
    exitCodes: { 0: "printed; also where both ways are refused", 1: "failed", 2: "bad input" },
  })
    .option(...APP)
    .option(...TO)
    .option(...MIGRATE_DOWN)
    .addOption(acceptFlag())
    .option(...BACKUP)
    .option(...MIGRATE_UP);

export const declareQuick = (group: Group) =>
  describe(group.command("quick").summary("Run the deployment before again, with the data of today"), {
    usage: ["--system <name> --yes [flags]"],
    examples: [
      ["Return to the deployment before", "slipway rollback quick --system shop --stack prod --yes"],
      ["Revert its migrations as well", "slipway rollback quick --system shop --stack prod --migrate-down --yes"],
    ],
    details: [
      "Afterwards the app is pinned: nothing else is deployed until you commit or revert the rollback. Migrations that only add stay. Run it again after an interruption: it continues from what it finds.",
    ],
    exitCodes: {
      0: "the earlier deployment runs, and no check failed",
      1: "refused or failed, or a check failed",
      2: "bad input; nothing was done",
      3: "outcome unknown: run it again",
      ...LOCKED,
    },
  })
    .option(...APP)
    .option(...TO)
    .option(...MIGRATE_DOWN)
    .addOption(acceptFlag())
    .addOption(waitFlag())
    .option("--yes", "Carry it out; without it, only print the plan");

export const declareFull = (group: Group) =>
  describe(group.command("full").summary("Restore a backup into a new database, and switch to it; the old one is kept"), {
    usage: ["--system <name> --yes [flags]"],
    examples: [
      ["Return to the newest usable backup", "slipway rollback full --system shop --identity backup-key.txt --yes"],
      ["Return to a certain one", "slipway rollback full --system shop --backup 20261202T070516Z-1c18eed0 --yes"],
    ],
    details: [
      "Backs up the current state first. What was written after the restored backup is in the old database, which stays on the server under another name. Stores of Valkey are not part of it. Run it again after an interruption: it continues from what it finds.",
    ],
    exitCodes: {
      0: "the restored database is in use, and no check failed",
      1: "refused or failed, or a check failed",
      2: "bad input; nothing was done",
      ...LOCKED,
    },
  })
    .option(...BACKUP)
    .option(...MIGRATE_UP)
    .option("--identity <file>", "The file with the age secret key that decrypts (default: that of the local platform)")
    .option("--yes", "Carry it out; without it, only print the plan");

export const declareCommit = (group: Group) =>
  describe(group.command("commit").summary("Keep the rollback, so that the app can be deployed again"), {
    usage: ["--system <name> [flags]"],
    examples: [["Keep the earlier version", "slipway rollback commit --system shop --stack prod"]],
    details: ["The next `pulumi up` deploys what the program declares: return to the earlier version there as well before you run it."],
    exitCodes: { 0: "no app is pinned any more", 1: "failed", 2: "bad input", ...LOCKED },
  }).option(...APP);

export const declareRevert = (group: Group) =>
  describe(group.command("revert").summary("Undo the rollback: deploy the version from before it"), {
    usage: ["--system <name> [flags]"],
    examples: [["Run the newer version again", "slipway rollback revert --system shop --stack prod"]],
    details: ["Migrations that the rollback has reverted are not applied: run `slipway migrate up` first."],
    exitCodes: { 0: "the newer version runs again", 1: "failed", 2: "bad input", ...LOCKED },
  })
    .option(...APP)
    .addOption(waitFlag());

export type RollbackOptions = OptionsOf<typeof declareGroup>;
export type PlanOptions = OptionsOf<typeof declarePlan>;
export type QuickOptions = OptionsOf<typeof declareQuick>;
export type FullOptions = OptionsOf<typeof declareFull>;
export type CommitOptions = OptionsOf<typeof declareCommit>;
export type RevertOptions = OptionsOf<typeof declareRevert>;
