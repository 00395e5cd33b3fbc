/** The flags and help of `slipway data` and its commands. */
import { createCommand, describe, type OptionsOf, OUTPUT, option } from "../shared/command.ts";
import { UsageError } from "../shared/errors.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

const SYSTEM = "--system <name> [flags]";

export const declareGroup = () =>
  createCommand("data", {
    usage: [`<command> ${SYSTEM}`],
    examples: [
      ["Show what an import would write and reject", "slipway data import --system shop --from json --dry-run"],
      ["Import the JSON files of a product", "slipway data import --system shop --stack prod --from json"],
      ["Compare the files with the database", "slipway data validate --system shop --stack prod --from json"],
      ["Write the database as JSON files", "slipway data export --system shop --stack prod --to exported"],
    ],
    details: [
      "systems/data declares which file, field and value becomes which table, column and value. A file or field that it does not name is an error. docs/data.md describes the commands.",
    ],
    exitCodes: { 0: "done", 1: "failed, and nothing is half applied", 2: "bad input; nothing was done" },
  })
    .optionsGroup("Database:")
    .option("--system <name>", "The system")
    .addOption(stackFlag())
    .option("--url <url>", "postgres://user:password@host:25060/database, as the owner (default: DATABASE_URL; else the local platform)")
    .option("--ca <file>", "The cluster's CA certificate (default: PGSSLROOTCERT)")
    .optionsGroup(OUTPUT)
    .option("--rejected <file>", "Where to list rejected rows (default: a new file in .slipway/data)")
    .option("--json", "Print the result, or the error, as JSON")
    .addOption(cwdFlag());

type Group = ReturnType<typeof declareGroup>;
export type DataOptions = OptionsOf<typeof declareGroup>;

const FROM = ["--from <path>", 'A folder, a file, or "-" for standard input'] as const;
const AS = ["--as <name>", "Which file it is, if --from has another name: users.json"] as const;

export const declareImport = (group: Group) =>
  describe(group.command("import").summary("Import JSON files into the database of a system"), {
    usage: [`--from <path> ${SYSTEM}`],
    examples: [
      ["Check every row, and write nothing", "slipway data import --system shop --from json --dry-run"],
      ["Import a folder into the database of a stack", "slipway data import --system shop --stack prod --from json"],
      ["Import one file from standard input", "zcat users.gz | slipway data import --system shop --from - --as users.json"],
    ],
    details: [
      "All rows are written in one transaction. If a row is rejected, nothing is imported, unless --skip-rejected is set. The same import again writes nothing. Rows that only the database has are not deleted.",
      "A file is an array of records, one record per line (.ndjson, .jsonl), or a folder with one file per record.",
    ],
    exitCodes: {
      0: "imported; with --dry-run: nothing would be rejected",
      1: "rows were rejected, or it failed; nothing was imported",
      2: "bad input; nothing was sent to the database",
      3: "outcome unknown: run it again",
      75: "another import of the database is running",
    },
  })
    .option(...FROM)
    .option(...AS)
    .option("--dry-run", "Check everything and write nothing")
    .option("--skip-rejected", "Import the other rows although some are rejected");
export type ImportFlags = OptionsOf<typeof declareGroup> & ReturnType<ReturnType<typeof declareImport>["opts"]>;

export const declareValidate = (group: Group) =>
  describe(group.command("validate").summary("Compare JSON files with the database, row by row and field by field"), {
    usage: [`--from <path> ${SYSTEM}`],
    examples: [
      ["Compare a folder with the database of a stack", "slipway data validate --system shop --stack prod --from json"],
      ["Accept 99.9 % of equal rows", "slipway data validate --system shop --from json --threshold 99.9"],
    ],
    details: [
      "The database is compared in one snapshot. With a stack or the local platform, a record of the outcome is kept, which a change of phase requires.",
    ],
    exitCodes: { 0: "the accuracy reaches the threshold", 1: "it does not, nothing was compared, or it failed", 2: "bad input" },
  })
    .option(...FROM)
    .option(...AS)
    .addOption(option("--threshold <percent>", "Required accuracy of all rows (default: 100)").argParser(parseThreshold));
export type ValidateFlags = OptionsOf<typeof declareGroup> & ReturnType<ReturnType<typeof declareValidate>["opts"]>;

function parseThreshold(text: string): number {
  const value = /^\d{1,3}(\.\d{1,4})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= 100) return value;
  throw new UsageError(`--threshold takes per cent, above 0 and up to 100, not "${text}": slipway data validate --threshold 99.9`);
}

export const declareExport = (group: Group) =>
  describe(group.command("export").summary("Write the database of a system as JSON files, and read them back"), {
    usage: [`[--to <folder>] ${SYSTEM}`],
    examples: [
      ["Export the database of a stack into a folder", "slipway data export --system shop --stack prod --to exported"],
      ["Store the files where the backups are, encrypted", "slipway data export --system shop --stack prod"],
    ],
    details: [
      "All files are of one snapshot, and the same rows give the same bytes. The files are read back and compared before the folder gets its name. A folder with an earlier export of the system is replaced.",
      "Without --to, the files are encrypted and signed like backups, and stored in every copy of them: docs/backup.md lists the variables. To get them back: slipway backup extract",
    ],
    exitCodes: { 0: "exported, and read back", 1: "failed; nothing was exported", 2: "bad input", 75: "another export is being stored" },
  }).option("--to <folder>", "The folder to write (default: encrypted, to every copy of the backups)");
export type ExportFlags = OptionsOf<typeof declareGroup> & ReturnType<ReturnType<typeof declareExport>["opts"]>;
