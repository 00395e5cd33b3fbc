/** The flags and help of `slipway backup` and its commands. */
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { DEFAULT_DAILY_HOUR } from "../../catalog/backup-worker.ts";
import { FORK_DAYS } from "../../catalog/limits.ts";
import { DEFAULT_RETENTION, MOST_KEPT, type Retention } from "../../catalog/retention.ts";
import { collect, createCommand, describe, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

const LOCKED = { 75: "another run makes or removes backups" };

export const declareGroup = () =>
  createCommand("backup", {
    usage: ["<command> [--system <name>] [flags]"],
    examples: [
      ["Back up a system of the local platform", "slipway backup create --system shop"],
      ["Restore the newest backup for practice, and compare it", "slipway backup rehearse --system shop"],
      ["Show whether backups are recent, complete and rehearsed", "slipway backup status"],
      ["Restore a backup into a new database", "slipway backup restore --system shop --into shop_restored --url postgres://…"],
      ["Fork the cluster as it was at a time", "slipway backup fork --stack prod --point-in-time 2026-12-01T10:30:00Z"],
    ],
    details: [
      `Without --store, backups are in .slipway/backups, encrypted with keys of this machine: for practice with the local platform. For a deployed stack, set ${BACKUP_VARIABLES.store}, ${BACKUP_VARIABLES.storeKey}, ${BACKUP_VARIABLES.recipients} and ${BACKUP_VARIABLES.signingKey}: see docs/backup.md.`,
    ],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input", ...LOCKED },
  })
    .optionsGroup("Backups:")
    .option("--system <name>", "Only this system")
    .option("--part <name>", 'Only this part of a system: "postgres", "valkey-<store>" or "json-export"')
    .option("--store <address>", `s3://bucket/prefix?region=fra1, or a folder (default: ${BACKUP_VARIABLES.store})`)
    .option("--offsite <address>", `A second copy (default: ${BACKUP_VARIABLES.offsite}, unless --store is set)`)
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result as JSON");

type Group = ReturnType<typeof declareGroup>;
export type BackupOptions = OptionsOf<typeof declareGroup>;

const database = [
  ["--url <url>", "postgres://user:password@host:25060/database (default: DATABASE_URL; else the local platform)"],
  ["--ca <file>", "The cluster's CA certificate (default: PGSSLROOTCERT, or the certificate itself in SLIPWAY_CA)"],
] as const;
const identity = ["--identity <file>", "The file with the age secret key that decrypts"] as const;

const recipientFlag = () =>
  option("--recipient <key>", `Encrypt for this age recipient; repeatable (default: ${BACKUP_VARIABLES.recipients})`).argParser(collect);

export const declareCreate = (group: Group) =>
  describe(group.command("create").summary("Make a backup"), {
    usage: ["[--system <name>] [flags]"],
    examples: [
      ["Back up every system of the local platform", "slipway backup create"],
      ["Back up the database in DATABASE_URL", "slipway backup create --system shop --ca ca.pem"],
    ],
    details: [
      "Connect as the backup role, which can read everything and change nothing. pg_dump of the server's version is found on this machine, or downloaded.",
      "--url shows the password in lists of processes: set DATABASE_URL instead.",
    ],
    exitCodes: { 0: "made, and complete in every copy", 1: "failed, or not complete in every copy", 2: "bad input", ...LOCKED },
  })
    .option(...database[0])
    .option(...database[1])
    .addOption(recipientFlag());

export const declareList = (group: Group) =>
  describe(group.command("list").summary("Print the backups, and what cannot be used"), {
    usage: ["[flags]"],
    examples: [["Show all backups of a system", "slipway backup list --system shop"]],
    exitCodes: { 0: "printed", 1: "failed", 2: "bad input" },
  });

export const declareVerify = (group: Group) =>
  describe(group.command("verify [id]").summary("Read every byte of a backup again, in every copy"), {
    usage: ["[id] [flags]"],
    examples: [
      ["Compare the newest backup with its manifest", "slipway backup verify --system shop"],
      ["Decrypt and decompress it as well", "slipway backup verify --system shop --identity backup-key.txt"],
    ],
    details: [
      "Without an id, verifies the newest backup of each part. A signed record is stored if the signing key is set. To check that a backup can be restored: slipway backup rehearse",
    ],
    exitCodes: { 0: "intact in every copy", 1: "damaged or missing", 2: "bad input" },
  })
    .option(...identity)
    .option("--all", "Verify every backup, not only the newest");

export const declareRestore = (group: Group) =>
  describe(group.command("restore [id]").summary("Restore a backup into a new database, and compare it with its manifest"), {
    usage: ["[id] --into <database> [flags]"],
    examples: [
      ["Restore the newest backup of the local platform", "slipway backup restore --system shop --into shop_restored"],
      ["Restore onto the server in DATABASE_URL", "slipway backup restore --system shop --into shop_restored --identity key.txt"],
      ["Restore from the other copy", "slipway backup restore --system shop --into shop_2 --store <address>"],
    ],
    details: [
      "The database must not exist: a backup is never restored over a database. Connect as the administrator, who may create databases. If the comparison finds a difference, the new database is dropped and the command fails.",
      "To return to a time between two backups, fork the cluster at DigitalOcean: slipway backup fork",
    ],
    exitCodes: { 0: "restored, and equal to what was backed up", 1: "failed; the new database was dropped", 2: "bad input" },
  })
    .option("--into <database>", "The database to create")
    .option(...database[0])
    .option(...database[1])
    .option(...identity)
    .option("--create-roles", "Create roles that the server lacks, without a login")
    .option("--no-owner", "Restore without owners and grants")
    .addOption(
      option("--jobs <number>", "Load this many tables at a time (default: one for each processor)").argParser((text) =>
        parseWholeNumber(text, { flag: "--jobs", to: 64, example: "slipway backup restore --jobs 4" }),
      ),
    );

export const declareExtract = (group: Group) =>
  describe(group.command("extract [time]").summary("Write the JSON files of an export or an archive into a folder"), {
    usage: ["[time] --system <name> --to <folder> [flags]"],
    examples: [
      ["Get the newest export of a system back", "slipway backup extract --system shop --to json --identity key.txt"],
      ["Get the archive of its JSON files back", "slipway backup extract --system shop --part json-archive --to json"],
    ],
    details: [
      "Decrypts the files, and compares them with the signed manifest, before the folder gets its name. slipway data import and validate read the folder. slipway backup list prints the times.",
    ],
    exitCodes: { 0: "written, and equal to what was stored", 1: "failed; nothing was written", 2: "bad input; nothing was written" },
  })
    .option("--to <folder>", "The folder to create")
    .option(...identity);

export const declareFork = (group: Group) =>
  describe(group.command("fork").summary("Fork a Postgres cluster at DigitalOcean, as it was at a point in time"), {
    usage: ["--point-in-time <time> --stack <name> [flags]", "--point-in-time <time> --cluster <name> [flags]"],
    examples: [
      ["Show the plan and its cost", "slipway backup fork --stack prod --point-in-time 2026-12-01T10:30:00Z"],
      ["Create the new cluster", "slipway backup fork --stack prod --point-in-time 2026-12-01T10:30:00Z --yes"],
      ["Fork a cluster by its name or id", "slipway backup fork --cluster shop --point-in-time 2026-12-01T12:30+02:00"],
    ],
    details: [
      `DigitalOcean creates a new cluster with every database and user of the old one, which is not changed. It keeps ${FORK_DAYS} days. The new cluster is billed until you delete it, so nothing is created without --yes.`,
      "It gets the trusted sources of the old one before anything else. slipway cannot verify from outside that the data is exactly of that time: docs/backup.md states what is verified, and how to check it.",
      "With --stack, reads digitalocean:token of the stack, else DIGITALOCEAN_TOKEN. The token needs the scopes database:read, database:create and database:update.",
    ],
    exitCodes: {
      0: "printed the plan; with --yes: online",
      1: "failed",
      2: "bad input; nothing was created",
      3: "unknown whether a cluster was created",
      75: "still being created: go on with --resume",
    },
  })
    .option("--point-in-time <time>", "ISO 8601 with a time zone: 2026-12-01T10:30:00Z")
    .option("--cluster <name>", "Name or id of the cluster (default: that of --system in the stack)")
    .option("--fork-name <name>", "Name of the new cluster (default: the old name with the time)")
    .option("--resume", "Wait for a cluster that an earlier run requested under --fork-name")
    .addOption(
      option("--timeout <minutes>", "Longest wait until it is online (default: 60)").argParser((text) =>
        parseWholeNumber(text, { flag: "--timeout", to: 1440, unit: "minutes", example: "slipway backup fork --timeout 120" }),
      ),
    )
    .option("--yes", "Create it; without it, only print the plan and the cost")
    .addOption(stackFlag())
    .addOption(cwdFlag());

export const declareRehearse = (group: Group) =>
  describe(group.command("rehearse").summary("Restore the newest and a random older backup on this machine, and compare them"), {
    usage: ["[--system <name>] [flags]"],
    examples: [
      ["Rehearse a system of the local platform", "slipway backup rehearse --system shop"],
      ["Rehearse every system of a deployed stack", "slipway backup rehearse --identity backup-key.txt"],
    ],
    details: [
      "Starts a temporary Postgres on this machine, and removes it at the end. A signed record is stored with each backup that was equal.",
    ],
    exitCodes: {
      0: "every restore was equal to what was backed up",
      1: "a restore failed or differed, or there was nothing to restore",
      2: "bad input",
    },
  })
    .option(...identity)
    .option("--newest", "Only the newest backup");

/** Of how many days, weeks, months or years the last backup is kept. */
const keepFlag = <const Prefix extends "" | "keep-", const Unit extends keyof Retention>(prefix: Prefix, unit: Unit, units: string) => {
  const flag = `--${prefix}${unit}` as const;
  const fallback = DEFAULT_RETENTION[unit];
  const example = `slipway backup ${prefix === "" ? "prune" : "worker"} ${flag} ${fallback}`;
  return option(`${flag} <number>`, `${units} of which the last backup is kept (default: ${fallback})`).argParser((text) =>
    parseWholeNumber(text, { flag, from: 0, to: MOST_KEPT, example }),
  );
};

const keyspacesFlag = <const Prefix extends "" | "keep-">(prefix: Prefix) => {
  const flag = `--${prefix}keyspaces` as const;
  const example = `slipway backup ${prefix === "" ? "prune" : "worker"} ${flag} 7`;
  return option(`${flag} <days>`, "Days of which the last export of a store is kept (default: those of the definition)").argParser((text) =>
    parseWholeNumber(text, { flag, from: 1, to: MOST_KEPT, unit: "days", example }),
  );
};

export const declarePrune = (group: Group) =>
  describe(group.command("prune").summary("Remove backups that the retention does not keep"), {
    usage: ["[--yes] [flags]"],
    examples: [
      ["Show what would be removed, and why the others stay", "slipway backup prune"],
      ["Remove those", "slipway backup prune --yes"],
    ],
    details: [
      "Without --yes, nothing is removed. The retention counts backups: if no new backups are made, none is removed. Objects that slipway did not write are never removed.",
    ],
    exitCodes: { 0: "printed, or removed", 1: "failed", 2: "bad input", ...LOCKED },
  })
    .addOption(keepFlag("", "daily", "Days"))
    .addOption(keepFlag("", "weekly", "Weeks"))
    .addOption(keepFlag("", "monthly", "Months"))
    .addOption(keepFlag("", "yearly", "Years"))
    .addOption(keyspacesFlag(""))
    .option("--yes", "Remove them; without it, only print the plan");

export const declareKeep = (group: Group) =>
  describe(group.command("keep <id>").summary("Hold a backup, so that prune does not remove it"), {
    usage: ["<id> --reason <text> [flags]", "<id> --release"],
    examples: [
      ["Hold a backup", 'slipway backup keep 20261202T020000Z-1a2b3c4d --reason "an audit"'],
      ["Release it", "slipway backup keep 20261202T020000Z-1a2b3c4d --release"],
    ],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input" },
  })
    .option("--reason <text>", "Why it is held; list and prune print it")
    .option("--release", "Remove the hold: the retention decides again");

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Report whether backups are recent, complete and rehearsed"), {
    usage: ["[flags]"],
    examples: [["Use it in a monitor", "slipway backup status --system shop --max-age 26 --json"]],
    details: ["With --system, a system without any backup is a problem. Without it, only systems that have a backup are reported."],
    exitCodes: { 0: "no problem", 1: "a backup is too old, incomplete, not rehearsed or damaged", 2: "bad input" },
  })
    .addOption(
      option("--max-age <hours>", "Largest age of the newest backup (default: 26)").argParser((text) =>
        parseWholeNumber(text, { flag: "--max-age", unit: "hours", example: "slipway backup status --max-age 26" }),
      ),
    )
    .addOption(
      option("--max-rehearsal <days>", "Largest age of the last rehearsal (default: 31)").argParser((text) =>
        parseWholeNumber(text, { flag: "--max-rehearsal", unit: "days", example: "slipway backup status --max-rehearsal 31" }),
      ),
    );

export const declareWorker = (group: Group) =>
  describe(group.command("worker").summary("Make, verify and prune backups when they are due, until it is stopped"), {
    usage: ["[flags]"],
    examples: [
      ["Run it as a service", "slipway backup worker --system shop --daily 2"],
      ["Run it from a timer", "slipway backup worker --system shop --once"],
    ],
    details: [
      "The backups say when the last one was made, so a restart loses nothing, and a backup that was missed is made at once. Several workers make each backup once.",
    ],
    exitCodes: { 0: "stopped; with --once: nothing is due any more", 1: "with --once: a backup failed", 2: "bad input" },
  })
    .option(...database[0])
    .option(...database[1])
    .addOption(recipientFlag())
    .addOption(
      option("--daily <hour>", `Once a day, from this hour on, UTC (default: ${DEFAULT_DAILY_HOUR})`).argParser((text) =>
        parseWholeNumber(text, { flag: "--daily", from: 0, to: 23, example: "slipway backup worker --daily 2" }),
      ),
    )
    .addOption(
      option("--hourly <minute>", "Also once an hour, from this minute on").argParser((text) =>
        parseWholeNumber(text, { flag: "--hourly", from: 0, to: 59, example: "slipway backup worker --hourly 30" }),
      ),
    )
    .addOption(keepFlag("keep-", "daily", "Days"))
    .addOption(keepFlag("keep-", "weekly", "Weeks"))
    .addOption(keepFlag("keep-", "monthly", "Months"))
    .addOption(keepFlag("keep-", "yearly", "Years"))
    .addOption(keyspacesFlag("keep-"))
    .option("--json-export", "Also export the tables as JSON files, once a day; as many days are kept as of backups")
    .option("--once", "Make what is due, and exit");

export const declareKeys = (group: Group) =>
  describe(group.command("keys").summary("Create the keys that encrypt and sign backups"), {
    usage: ["--out <file>"],
    examples: [["Write backup-key.txt and backup-key.txt.env", "slipway backup keys --out backup-key.txt"]],
    details: [
      "<file> gets the age secret key, which decrypts backups: keep it, and a copy of it, where no backup is. Without it no backup can be read. <file>.env gets the variables of the machine that makes backups, with the signing key.",
    ],
    exitCodes: { 0: "created", 1: "failed", 2: "bad input" },
  }).option("--out <file>", "Where to write the age secret key");

export type CreateOptions = OptionsOf<typeof declareCreate>;
export type VerifyOptions = OptionsOf<typeof declareVerify>;
export type RestoreOptions = OptionsOf<typeof declareRestore>;
export type ExtractOptions = OptionsOf<typeof declareExtract>;
export type ForkOptions = OptionsOf<typeof declareFork>;
export type RehearseOptions = OptionsOf<typeof declareRehearse>;
export type PruneOptions = OptionsOf<typeof declarePrune>;
export type KeepOptions = OptionsOf<typeof declareKeep>;
export type StatusOptions = OptionsOf<typeof declareStatus>;
export type WorkerOptions = OptionsOf<typeof declareWorker>;
export type KeysOptions = OptionsOf<typeof declareKeys>;
