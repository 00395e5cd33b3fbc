/** The flags and help of `slipway keyspaces` and its commands. */
import { collect, createCommand, describe, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";

const FILES = "(--system <name> | --dir <folder>) [flags]";

export const declareGroup = () =>
  createCommand("keyspaces", {
    usage: [`<command> ${FILES}`],
    examples: [
      ["Show which keyspaces a system declares", "slipway keyspaces status --system shop"],
      ["Show what a seed would write", "slipway keyspaces plan --system shop"],
      ["Seed a store", "slipway keyspaces seed --system shop --url state=rediss://host --ca ca.pem"],
    ],
    details: [
      "Seeding writes keys that are missing or whose declaration changed, and keeps keys that others changed. docs/keyspaces.md describes the files.",
    ],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input; nothing was written", 75: "another run holds the lock" },
  })
    .optionsGroup("Files:")
    .option("--system <name>", "Use keyspaces/<name>")
    .option("--dir <folder>", "Use this folder of keyspaces")
    .addOption(option("--only <keyspace>", "Leave all other keyspaces out; repeatable").argParser(collect))
    .optionsGroup("Stores:")
    .addOption(
      option(
        "--url <url>",
        "rediss://default:password@host:25061, as store=url where there are several stores; repeatable (default: SLIPWAY_STORE_<STORE>_URL; else, with --system, the stores of the local platform)",
      ).argParser(collect),
    )
    .addOption(
      option(
        "--ca <file>",
        "The CA certificate of the cluster, as store=file where there are several stores; repeatable (default: SLIPWAY_STORE_<STORE>_CA, which holds the certificate itself)",
      ).argParser(collect),
    )
    .addOption(
      option("--patience <seconds>", "Wait this long for a store that is starting or failing over (default: 60)").argParser((text) =>
        parseWholeNumber(text, { flag: "--patience", from: 0, to: 9999, unit: "seconds", example: "--patience 120" }),
      ),
    )
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result, or the error, as JSON");

type Group = ReturnType<typeof declareGroup>;
export type KeyspacesOptions = OptionsOf<typeof declareGroup>;

const RESTORE = "Also compare every key of bulk keyspaces, and restore keys that others changed";

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Print the declared keyspaces and, with a store, whether they are seeded"), {
    usage: [FILES],
    examples: [["Show the keyspaces of a system", "slipway keyspaces status --system shop"]],
    exitCodes: { 0: "nothing is pending", 1: "keys are pending", 2: "bad input", 75: "another run holds the lock" },
  });

export const declarePlan = (group: Group) =>
  describe(group.command("plan").summary("Print what seed would do, and write nothing"), {
    usage: [FILES],
    examples: [["Show what a seed would write", "slipway keyspaces plan --system shop"]],
    exitCodes: { 0: "printed", 1: "failed", 2: "bad input", 75: "another run holds the lock" },
  }).option("--restore", RESTORE);

export const declareSeed = (group: Group) =>
  describe(group.command("seed").summary("Write keys and scripts that are missing or changed in the files"), {
    usage: [FILES],
    examples: [
      ["Seed every store of a system", "slipway keyspaces seed --system shop"],
      ["Seed one keyspace", "slipway keyspaces seed --system shop --only sessions"],
    ],
    exitCodes: { 0: "seeded, or nothing to do", 1: "failed", 2: "bad input; nothing was written", 75: "another run holds the lock" },
  }).option("--restore", RESTORE);

export const declareVerify = (group: Group) =>
  describe(
    group.command("verify").summary("Read everything back: types, values, times to live, scripts, and databases that no keyspace declares"),
    {
      usage: [FILES],
      examples: [["Check that a store matches the files", "slipway keyspaces verify --system shop"]],
      exitCodes: { 0: "as declared", 1: "something differs", 2: "bad input", 75: "another run holds the lock" },
    },
  ).option("--shared-stores", "Other systems use these stores too: do not report databases that this system does not declare");

export const declareExport = (group: Group) =>
  describe(group.command("export").summary("Print the keys of a store in the format of the files, one JSON object a line"), {
    usage: [FILES],
    examples: [
      ["Export a keyspace", "slipway keyspaces export --system shop --only sessions --out sessions.jsonl"],
      ["Include the values of secret keys", "slipway keyspaces export --system shop --secrets --out all.jsonl"],
    ],
    details: ["The export is not a snapshot of one point in time."],
    exitCodes: { 0: "exported", 1: "failed, or some keys cannot be declared in a file", 2: "bad input", 75: "another run holds the lock" },
  })
    .option("--out <file>", "Write the keys to this file")
    .option("--secrets", "Include the values of keys that are declared secret");

export const declareCall = (group: Group) =>
  describe(group.command("call [script]").summary("Run a registered Lua script, and load it first if the store has lost it"), {
    usage: [`<script> ${FILES}`],
    examples: [["Run the script cleanup", "slipway keyspaces call cleanup --system shop"]],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input" },
  });

export type VerifyOptions = OptionsOf<typeof declareVerify>;
export type SeedOptions = OptionsOf<typeof declareSeed>;
export type ExportOptions = OptionsOf<typeof declareExport>;
