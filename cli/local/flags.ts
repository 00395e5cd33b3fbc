/** The flags and help of `slipway local` and its commands. */
import { collect, createCommand, describe, type OptionsOf, option, parseWholeNumber } from "../shared/command.ts";
import { UsageError } from "../shared/errors.ts";
import { cwdFlag } from "../shared/flags.ts";

export const declareGroup = () =>
  createCommand("local", {
    usage: ["<command> [flags]"],
    examples: [
      ["Start every system", "slipway local up"],
      ["Show what is running", "slipway local status"],
      ["Open the database of a service", 'eval "$(slipway local env shop api --export)" && psql "$DATABASE_URL"'],
      ["Stop everything and keep the data", "slipway local down"],
    ],
    details: ["Data, logs and certificates are in the project's .slipway directory. docs/local.md describes the platform."],
    exitCodes: { 0: "done, and healthy", 1: "failed, or not healthy", 2: "bad input" },
  }).addOption(cwdFlag());

type Group = ReturnType<typeof declareGroup>;
export type LocalOptions = OptionsOf<typeof declareGroup>;

const sourceFlag = () =>
  option(
    "--source <app=directory>",
    "Run the commands of this app's jobs in this directory, the root of its repository; also app/component=directory. Later runs remember it; repeatable",
  ).argParser(collect);

const programFlag = () =>
  option(
    "--program <app/component=file>",
    "Run this Node program in place of the placeholder of a service. Later runs remember it; repeatable",
  ).argParser(collect);

export const declareUp = (group: Group) =>
  describe(group.command("up").summary("Start the platform and make it match what stack local declares"), {
    examples: [
      ["Start every system", "slipway local up"],
      ["Start one system, without data", "slipway local up --systems shop --fresh"],
      ["Run the app's own migration job", "slipway local up --source shop=../shop"],
    ],
    exitCodes: { 0: "running and healthy", 1: "failed, or not healthy", 2: "bad input" },
  })
    .option("--systems <names>", "Start only these systems, comma-separated; remove all others with their data (default: all)")
    .option("--fresh", "Delete all data first")
    .addOption(sourceFlag())
    .addOption(programFlag());

export const declareDown = (group: Group) =>
  describe(group.command("down").summary("Stop every process that up started, and keep the data"), {
    examples: [["Stop the platform", "slipway local down"]],
    exitCodes: { 0: "stopped, or nothing was running", 1: "failed", 2: "bad input" },
  });

export const declareReset = (group: Group) =>
  describe(group.command("reset").summary("Stop every process that up started, and delete the data"), {
    examples: [["Delete the platform", "slipway local reset"]],
    exitCodes: { 0: "deleted", 1: "failed", 2: "bad input" },
  });

export const declareStatus = (group: Group) =>
  describe(group.command("status").summary("Print servers, addresses and the health of every app"), {
    examples: [["Show what is running", "slipway local status"]],
    exitCodes: { 0: "healthy", 1: "something is not running or not healthy", 2: "bad input" },
  }).option("--json", "Print the status as JSON");

export const declareEnv = (group: Group) =>
  describe(group.command("env [system] [service]").summary("Print the environment variables of a service"), {
    usage: ["<system> <service> [flags]"],
    examples: [
      ["Write an example file with the origin of each value", "slipway local env shop api --example > .env.example"],
      ["Write a file for node --env-file or docker compose", "slipway local env shop api > api.env"],
      ["Set the variables in this shell", 'eval "$(slipway local env shop api --export)"'],
      ["Write a file for docker run --env-file", "slipway local env shop api --format docker > api.docker.env"],
    ],
    details: [
      "docker run --env-file has no values of more than one line, such as certificates. They are left out of the file, and stderr shows how to pass them.",
    ],
    exitCodes: { 0: "printed", 1: "not running, or not part of the platform", 2: "bad input" },
  })
    .addOption(
      option("--format <format>", "dotenv, shell, json or docker (default: dotenv)").choices(["dotenv", "shell", "json", "docker"]),
    )
    .option("--export", "The same as --format shell")
    .option("--example", "Print every variable with a comment about its origin, without secrets; the platform need not run")
    .option("--system <name>", "With --example: every service of this system (default: all systems)");

export const declareLogs = (group: Group) =>
  describe(group.command("logs [name]").summary("Print the paths of all logs, or the last lines of the logs with a name"), {
    usage: ["[name] [flags]"],
    examples: [
      ["List the logs", "slipway local logs"],
      ["Print the logs of every component with api in its name", "slipway local logs api --lines 100"],
    ],
    exitCodes: { 0: "printed", 1: "failed", 2: "bad input" },
  }).addOption(
    option("--lines <number>", "Print this many lines of each log")
      .argParser((text) => parseWholeNumber(text, { flag: "--lines", example: "slipway local logs api --lines 100" }))
      .default(40),
  );

export const declareApi = (group: Group) =>
  describe(group.command("api").summary("Serve only DigitalOcean's API, with servers behind it, until Ctrl-C"), {
    examples: [
      ["Serve the API at http://127.0.0.1:4010 with token local", "slipway local api"],
      ["Let clusters take as long as at DigitalOcean", "slipway local api --timings real"],
    ],
    exitCodes: { 0: "stopped with Ctrl-C, or already served", 1: "failed", 2: "bad input" },
  })
    .addOption(
      option("--port <number>", "Listen on this port (default: the port in stack local, 4010)").argParser((text) =>
        parseWholeNumber(text, { flag: "--port", to: 65_535, example: "slipway local api --port 4011" }),
      ),
    )
    .option("--https", "Serve HTTPS, for clients that send no token without it")
    .addOption(
      option("--timings <timings>", "How long clusters and deployments take: instant, real (minutes) or a number of seconds")
        .argParser(parseTimings)
        .default("instant" as const),
    )
    .addOption(sourceFlag());

export type UpOptions = OptionsOf<typeof declareUp>;
export type StatusOptions = OptionsOf<typeof declareStatus>;
export type EnvOptions = OptionsOf<typeof declareEnv>;
export type LogsOptions = OptionsOf<typeof declareLogs>;
export type ApiOptions = OptionsOf<typeof declareApi>;

/** @returns a mode, or milliseconds. */
function parseTimings(text: string): "instant" | "real" | number {
  if (text === "instant" || text === "real") return text;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0 && text !== "") return seconds * 1000;
  throw new UsageError(`--timings takes instant, real or seconds, not "${text}": slipway local api --timings real`);
}
