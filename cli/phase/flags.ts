/** The flags and help of `slipway phase` and its commands. */
import { GATES } from "../../operate/phase/gates.ts";
import { ORDER } from "../../operate/phase/phases.ts";
import { collect, createCommand, describe, type OptionsOf, OUTPUT, option, parseDuration } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareGroup = () =>
  createCommand("phase", {
    usage: ["<command> --stack <name> [flags]"],
    examples: [
      ["Show the phase of a system, and what the next one needs", "slipway phase status --stack prod --system shop"],
      ["Change to the next phase", "slipway phase next --stack prod --system shop"],
      ["Return to the phase before", "slipway phase back --stack prod --system shop"],
    ],
    details: [
      "P0: JSON only. P1: writes both, reads JSON. P2: writes both, reads Postgres. P3: Postgres only. docs/phases.md describes the gates between them.",
    ],
    exitCodes: { 0: "done", 1: "failed, or a gate is closed", 2: "bad input; nothing was done", 75: "another run changes a phase" },
  })
    .addOption(stackFlag())
    .option("--system <name>", "The system (default: the only one of the stack that has phases)")
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result as JSON")
    .addOption(cwdFlag());

type Group = ReturnType<typeof declareGroup>;
export type PhaseOptions = OptionsOf<typeof declareGroup>;

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Show the phase, what the services report, and which gates are open"), {
    usage: ["--stack <name> [flags]"],
    examples: [["Show the phase of a system of stack prod", "slipway phase status --stack prod --system shop"]],
    exitCodes: {
      0: "the services report the phase of the stack's file",
      1: "they do not, or a change is unfinished",
      2: "bad input",
    },
  });

export const declareArchive = (group: Group) =>
  describe(group.command("archive").summary("Copy the JSON files with their checksums to the backups or to a folder"), {
    usage: ["--stack <name> --system <name> --from <folder> [flags]"],
    examples: [
      ["Archive the files where the backups are, encrypted", "slipway phase archive --stack prod --system shop --from data"],
      ["Archive them in a folder, as they are", "slipway phase archive --stack prod --system shop --from data --to /mnt/archive"],
    ],
    details: [
      "Every file of the folder is copied, hashed, and read back. A link in the folder is refused, and so is a file that is written during the copy. The gate before P3 needs an archive that was made since the change to P2.",
    ],
    exitCodes: {
      0: "every file is archived, and a record was written",
      1: "a file changed during the copy, or the archive was damaged; nothing was archived",
      2: "bad input; nothing was archived",
    },
  })
    .requiredOption("--from <folder>", "The folder with the JSON files")
    .option("--to <folder>", "Copy into this folder, unencrypted (default: encrypted, to every copy of the backups)");
export type ArchiveOptions = PhaseOptions & ReturnType<ReturnType<typeof declareArchive>["opts"]>;

const changeFlags = (group: Group, name: "next" | "back", summary: string) =>
  describe(group.command(name).summary(summary), {
    usage: ["--stack <name> --system <name> [flags]"],
    examples: [
      [name === "next" ? "Change to the next phase" : "Return to the phase before", `slipway phase ${name} --stack prod --system shop`],
      [
        "Skip a gate, with the reason",
        `slipway phase ${name} -s prod --system shop --force ${name === "next" ? "observation" : "export"} --reason "a test"`,
      ],
    ],
    details: [
      "Run the same command again after an interruption: it continues the change. Commit the file of the stack afterwards: it has the phase, since when it is reported, and the reason for each gate that was skipped.",
    ],
    exitCodes: {
      0: "the services report the phase",
      1: "a gate is closed and nothing was changed, or the services do not report the phase",
      2: "bad input; nothing was done",
      75: "another run changes a phase",
    },
  })
    .addOption(option("--to <phase>", "The phase to be in afterwards: nothing is done where it is reached").choices(ORDER))
    .addOption(
      option("--wait <duration>", "How long the services may take to report the phase (default: 15min)").argParser((text) =>
        parseDuration(text, "--wait"),
      ),
    )
    .optionsGroup("Gates:")
    .addOption(option("--force <gate>", `Skip this gate if it is closed; repeatable: ${GATES.join(", ")}`).argParser(collect))
    .option("--reason <text>", "Why, with --force. It is kept");

export const declareNext = (group: Group) => changeFlags(group, "next", "Change to the next phase, once its gates are open");
export const declareBack = (group: Group) => changeFlags(group, "back", "Return to the phase before");
export type ChangeOptions = PhaseOptions & ReturnType<ReturnType<typeof declareNext>["opts"]>;
