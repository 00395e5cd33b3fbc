/** The flags and help of `slipway doctor`. */
import { createCommand, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("doctor", {
    examples: [
      ["Examine the local platform", "slipway doctor"],
      ["Examine one system of stack prod, over the API of its account", "slipway doctor --system shop --stack prod"],
      ["Examine any Postgres database", "slipway doctor --url postgres://user@host:25060/shop --ca ca.pem"],
      ["Repeat every 10 seconds until Ctrl-C", "slipway doctor --system shop --watch 10"],
    ],
    details: [
      "Connects, prints what it reads (version, clock, TLS, role, connections, memory), and reports each finding with its evidence and the next step. It changes nothing; whether a store accepts writes is tried with a key that expires after a second. docs/doctor.md lists the findings.",
      "The URLs of stores come from SLIPWAY_STORE_<STORE>_URL and SLIPWAY_STORE_<STORE>_CA. Where neither --url, DATABASE_URL, --stack nor these are given, the databases and stores are those of the local platform.",
    ],
    exitCodes: { 0: "no finding above info", 1: "findings", 2: "bad input; nothing was examined" },
  })
    .optionsGroup("What to examine:")
    .option("--system <name>", "Only this system (default: every system)")
    .option(
      "--url <url>",
      "postgres://user:password@host:25060/database, direct and not through a pool, best as the administrator (default: DATABASE_URL)",
    )
    .option("--ca <file>", "The cluster's CA certificate (default: PGSSLROOTCERT)")
    .addOption(stackFlag())
    .option("--all", "Also report what is harmless in a small or new database, such as an index without a reader")
    .optionsGroup(OUTPUT)
    .addOption(
      option("--watch <seconds>", "Repeat this often until Ctrl-C").argParser((text) =>
        parseWholeNumber(text, { flag: "--watch", to: 86_400, unit: "seconds", example: "slipway doctor --watch 10" }),
      ),
    )
    .option("--json", "Print the result as JSON; with --watch, one line for each round");

export type DoctorOptions = OptionsOf<typeof declareFlags>;
