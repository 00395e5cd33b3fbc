/** The flags and help of `slipway post-deploy`. */
import { createCommand, type OptionsOf, option, parseWholeNumber } from "../shared/command.ts";

export const declareFlags = () =>
  createCommand("post-deploy", {
    usage: ["--system <name> [flags]"],
    examples: [["Run the steps of system shop", "slipway post-deploy --system shop"]],
    details: [
      "The environment names the servers: SLIPWAY_ADMIN_URL, SLIPWAY_OWNER_URL and SLIPWAY_CA; for each store with keyspaces also SLIPWAY_STORE_<STORE>_URL and SLIPWAY_STORE_<STORE>_CA. A stack with slipway:postDeploy.mode job passes them to its job.",
      "With --backup, DATABASE_URL is the database as the backup role, and SLIPWAY_BACKUP_STORE and the other variables of docs/backup.md name the copies.",
      "A second run changes nothing.",
    ],
    exitCodes: { 0: "done", 1: "failed", 2: "bad input", 3: "outcome unknown", 75: "another run holds the lock" },
  })
    .option("--system <name>", "The system")
    .addOption(
      option("--backup <hours>", "Make a verified backup before anything changes, unless one is not older; 0: always").argParser((text) =>
        parseWholeNumber(text, {
          flag: "--backup",
          unit: "hours",
          from: 0,
          to: 168,
          example: "slipway post-deploy --system shop --backup 1",
        }),
      ),
    )
    .option("--cwd <directory>", "The directory of sql/ and keyspaces/", process.cwd());

export type PostDeployOptions = OptionsOf<typeof declareFlags>;
