/** The flags and help of `slipway metrics`. */
import { createCommand, type OptionsOf, option, parseDuration, parseWholeNumber } from "../shared/command.ts";
import { stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("metrics", {
    examples: [
      ["Serve what doctor measures on the local platform, until Ctrl-C", "slipway metrics"],
      ["Print it once", "slipway metrics --stack prod --once"],
      ["Write alert rules for Prometheus", "slipway metrics --rules > slipway-rules.yml"],
      ["Write a dashboard for Grafana", "slipway metrics --dashboard > slipway-dashboard.json"],
    ],
    details: [
      "A request examines databases, stores and backups, as `slipway doctor` does, unless an examination is younger than --fresh. On an address that other machines reach, SLIPWAY_METRICS_TOKEN must be set, and a request must send it as a bearer token.",
    ],
    exitCodes: { 0: "printed, or ended by Ctrl-C", 1: "failed", 2: "bad input" },
  })
    .optionsGroup("What to examine:")
    .option("--system <name>", "Only this system (default: every system)")
    .addOption(stackFlag())
    .optionsGroup("Where to serve:")
    .addOption(
      option("--port <number>", "The port (default: 9464)").argParser((text) =>
        parseWholeNumber(text, { flag: "--port", from: 0, to: 65_535, example: "slipway metrics --port 9464" }),
      ),
    )
    .option("--host <address>", "The address (default: 127.0.0.1, which only this machine reaches)")
    .addOption(
      option("--fresh <duration>", "Reuse an examination for this long (default: 15s)").argParser((text) => parseDuration(text, "--fresh")),
    )
    .optionsGroup("What to print instead:")
    .option("--once", "The metrics")
    .option("--rules", "Alert rules for Prometheus, with the limits of doctor")
    .option("--dashboard", "A dashboard for Grafana");

export type MetricsOptions = OptionsOf<typeof declareFlags>;
