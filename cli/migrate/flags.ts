/** The flags and help of `slipway migrate` and its commands. */
import { createCommand, describe, type OptionsOf, OUTPUT, option, parseDuration, parseWholeNumber } from "../shared/command.ts";
import { UsageError } from "../shared/errors.ts";

/** Codes that every command with a database shares. */
const WITH_DATABASE = {
  2: "bad input; nothing was sent to the database",
  3: "outcome unknown; the next run finds out",
  75: "another run holds the lock",
};

const FILES = "(--system <name> | --dir <folder>) [flags]";

export const declareGroup = () =>
  createCommand("migrate", {
    usage: [`<command> ${FILES}`],
    examples: [
      ["Show what is applied and what is pending", "slipway migrate status --system shop"],
      ["Show the locks that pending migrations take", "slipway migrate plan --system shop"],
      ["Apply pending migrations to a database", "slipway migrate up --system shop --url postgres://user@host:25060/shop"],
      ["Check the files, without a database", "slipway migrate lint --dir sql/shop"],
    ],
    details: [
      "A ledger in the database records every applied file. Each file runs in one transaction with its entry, unless it is marked otherwise. docs/migrations.md describes the files.",
    ],
    exitCodes: { 0: "done", 1: "failed; no file is half applied", ...WITH_DATABASE },
  })
    .optionsGroup("Files:")
    .option("--system <name>", "Use sql/<name>, with the schemas and the owner of this system")
    .option("--dir <folder>", "Use this folder of .sql files")
    .optionsGroup("Database:")
    .option(
      "--url <url>",
      "postgres://user:password@host:25060/database, direct and not through a pool (default: DATABASE_URL; else, with --system, the database of the local platform)",
    )
    .option("--ca <file>", "The cluster's CA certificate (default: PGSSLROOTCERT)")
    .option(
      "--owner <role>",
      'The role that owns what migrations create, or "none" for the role that connects (default: the owner of the system)',
    )
    .option("--ledger <schema>", "The schema of the ledger (default: slipway)")
    .addOption(
      option("--wait <duration>", "Wait this long for another run to finish (default: 60s)").argParser((text) =>
        parseDuration(text, "--wait"),
      ),
    )
    .addOption(
      option("--lock-timeout <duration>", "Let a statement wait this long for a lock (default: 5s)").argParser((text) =>
        parseDuration(text, "--lock-timeout"),
      ),
    )
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result, or the error, as JSON");

type Group = ReturnType<typeof declareGroup>;
export type MigrateOptions = OptionsOf<typeof declareGroup>;

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Print applied, pending and changed migrations"), {
    usage: [FILES],
    examples: [["Show the state of a system's database", "slipway migrate status --system shop"]],
    exitCodes: { 0: "nothing is pending", 1: "files are pending, or do not match the ledger", ...WITH_DATABASE },
  });

export const declarePlan = (group: Group) =>
  describe(group.command("plan").summary("Print what up would do: locks, table sizes and down migrations"), {
    usage: [FILES],
    examples: [["Show what pending migrations lock", "slipway migrate plan --system shop"]],
    exitCodes: { 0: "printed", 1: "failed", ...WITH_DATABASE },
  });

export const declareUp = (group: Group) =>
  describe(group.command("up").summary("Apply pending migrations"), {
    usage: [FILES],
    examples: [
      ["Apply everything that is pending", "slipway migrate up --system shop"],
      ["Stop after a file", "slipway migrate up --system shop --to 004_orders.sql"],
    ],
    exitCodes: { 0: "applied, or nothing was pending", 1: "failed; no file is half applied", ...WITH_DATABASE },
  })
    .option("--to <file>", "Apply files up to this one")
    .option("--allow-out-of-order", "Also apply files that are numbered before applied ones")
    .addOption(
      option(
        "--require-backup <hours>",
        "Change a database that has migrations only if a verified backup of the system is not older than this",
      ).argParser((text) =>
        parseWholeNumber(text, {
          flag: "--require-backup",
          unit: "hours",
          example: "slipway migrate up --system shop --require-backup 24",
        }),
      ),
    );

export const declareDown = (group: Group) =>
  describe(group.command("down").summary("Revert the last migration"), {
    usage: [FILES],
    examples: [
      ["Revert the last file", "slipway migrate down --system shop --yes"],
      ["Revert everything after a file", "slipway migrate down --system shop --to 004_orders.sql --yes"],
    ],
    exitCodes: { 0: "reverted, or nothing was applied", 1: "failed; no file is half reverted", ...WITH_DATABASE },
  })
    .option("--to <file>", 'Keep files up to this one, or "nothing"')
    .addOption(
      option("--steps <number>", "Revert this many files (default: 1)").argParser((text) =>
        parseWholeNumber(text, { flag: "--steps", example: "slipway migrate down --steps 2" }),
      ),
    )
    .option("--yes", "Do not ask for confirmation");

export const declareVerify = (group: Group) =>
  describe(group.command("verify").summary("Replay all migrations into a shadow database, up and down, and compare"), {
    usage: [FILES],
    examples: [
      ["Compare a system's database with its files", "slipway migrate verify --system shop"],
      ["Test a folder on any server", "slipway migrate verify --dir sql --shadow postgres://user@localhost/postgres"],
    ],
    exitCodes: { 0: "equal", 1: "not equal", ...WITH_DATABASE },
  }).option("--shadow <url>", "A server where slipway may create a database (default: the server of --url, or of the local platform)");

export const declareDiagram = (group: Group) =>
  describe(group.command("diagram").summary("Draw the tables that the files create"), {
    usage: [FILES],
    examples: [
      ["Print a mermaid diagram", "slipway migrate diagram --system shop"],
      ["Write an SVG file", "slipway migrate diagram --system shop --format svg --out shop.svg"],
    ],
    details: ["The files are applied to a shadow database, which is dropped at the end."],
    exitCodes: { 0: "printed or written", 1: "failed", ...WITH_DATABASE },
  })
    .addOption(option("--format <format>", "mermaid or svg (default: mermaid)").choices(["mermaid", "svg"]))
    .option("--out <file>", "Write the diagram to this file")
    .option("--shadow <url>", "A server where slipway may create a database (default: the server of --url, or of the local platform)");

export const declareLint = (group: Group) =>
  describe(group.command("lint").summary("Check the files for errors and risks, without a database"), {
    usage: [FILES],
    examples: [
      ["Check a folder", "slipway migrate lint --dir sql/shop"],
      ["Check what a branch adds", "slipway migrate lint --system shop --since origin/main"],
    ],
    exitCodes: { 0: "no problems", 1: "problems found", 2: "bad input" },
  })
    .option(
      "--since <git ref>",
      "Treat only files that are new since this commit as not in use yet (default: in GitHub Actions, the base branch)",
    )
    .option("--strict-numbers", "Report two files with the same number as an error");

export const declareNew = (group: Group) =>
  describe(group.command("new <name>").summary("Create the next migration and its down migration"), {
    usage: [`<name> ${FILES}`],
    examples: [["Create a pair of files", "slipway migrate new add_invoice_notes --system shop"]],
    exitCodes: { 0: "created", 1: "failed", 2: "bad input" },
  }).option("--repeatable", "Create a file for views and functions, which is applied whenever its text changes");

export const declareBaseline = (group: Group) =>
  describe(group.command("baseline").summary("Adopt a database that existed before slipway"), {
    usage: [FILES],
    examples: [
      ["Mark files as applied", "slipway migrate baseline --system shop --applied 001_users.sql,002_orders.sql"],
      ["Read a former tool's ledger", "slipway migrate baseline --system shop --from 'public.migrations(name)'"],
    ],
    exitCodes: { 0: "adopted", 1: "failed", ...WITH_DATABASE },
  })
    .option("--from <table(column)>", "Read applied files from a former tool's ledger, which is never written")
    .addOption(option("--applied <files>", "Mark these files as applied, comma-separated; repeatable").argParser(splitList))
    .option("--reason <text>", "Keep this reason in the ledger");

export const declareRepair = (group: Group) =>
  describe(group.command("repair").summary("Fix a ledger that does not match the files, with a reason"), {
    usage: [FILES],
    examples: [
      ["Accept a changed file", 'slipway migrate repair --dir sql --accept 001_users.sql --reason "new comment"'],
      ["Record a new name", 'slipway migrate repair --dir sql --rename 2_a.sql=2_b.sql --reason "new name"'],
    ],
    exitCodes: { 0: "repaired", 1: "failed", ...WITH_DATABASE },
  })
    .addOption(option("--accept <file>", "Accept the present text of this file; repeatable").argParser(splitList))
    .addOption(option("--retire <file>", "Record that this file was deleted for good; repeatable").argParser(splitList))
    .addOption(option("--rename <old=new>", "Record the new name of a file; repeatable").argParser(parseRename))
    .addOption(
      option("--happened <file:number>", "Record that a statement took effect; repeatable").argParser(
        (text, previous: Numbered | undefined) => parseNumbered(text, "--happened", previous),
      ),
    )
    .addOption(
      option("--again <file:number>", "Record that a statement had no effect, and run it again; repeatable").argParser(
        (text, previous: Numbered | undefined) => parseNumbered(text, "--again", previous),
      ),
    )
    .option("--reason <text>", "Keep this reason in the ledger; required");

type Numbered = ReturnType<typeof parseNumbered>;

export type UpOptions = OptionsOf<typeof declareUp>;
export type DownOptions = OptionsOf<typeof declareDown>;
export type VerifyOptions = OptionsOf<typeof declareVerify>;
export type DiagramOptions = OptionsOf<typeof declareDiagram>;
export type LintOptions = OptionsOf<typeof declareLint>;
export type NewOptions = OptionsOf<typeof declareNew>;
export type BaselineOptions = OptionsOf<typeof declareBaseline>;
export type RepairOptions = OptionsOf<typeof declareRepair>;

function splitList(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), ...text.split(",").filter((item) => item !== "")];
}

function parseRename(text: string, previous: readonly [string, string][] | undefined): readonly [string, string][] {
  return [...(previous ?? []), ...splitList(text, undefined).map((pair) => splitPair(pair, "=", "--rename takes old=new"))];
}

/** A statement of a file: "002_orders.sql:3". */
function parseNumbered(text: string, flag: string, previous: readonly [string, number][] | undefined): readonly [string, number][] {
  return [
    ...(previous ?? []),
    ...splitList(text, undefined).map((pair): [string, number] => {
      const [file, number] = splitPair(pair, ":", `${flag} takes file:number`);
      return [file, parseWholeNumber(number, { flag: `${flag} ${file}:<n>`, example: `${flag} ${file}:1 for its first statement` })];
    }),
  ];
}

function splitPair(pair: string, separator: string, rule: string): [string, string] {
  const index = pair.lastIndexOf(separator);
  if (index < 1 || index === pair.length - 1) throw new UsageError(`${rule}, not "${pair}".`);
  return [pair.slice(0, index), pair.slice(index + 1)];
}
