/** `slipway local`: the whole platform on this machine. */
import { findProject } from "../engine/project.ts";
import { type Workspace, workspaceAt } from "../local/platform/workspace.ts";
import { type Command, type Given, UsageError } from "./command.ts";
import { nearest } from "./nearest.ts";
import type { Terminal } from "./terminal.ts";

const USAGE = `slipway local: the whole platform on this machine, with real servers

Usage: slipway local <up|down|reset|status|env|logs|api> [flags]

  up      starts what does not run, makes all of it as stack local declares,
          and leaves it running
          --systems <a,b>  only these; what stood for others is removed with
                           its data (default: all)
          --fresh          forgets everything first, data included
          --source <app>=<dir>  runs the commands of the app's jobs in that
                           folder, the root of its repository; repeatable,
                           remembered; also <app>/<component>=<dir>
  down    ends every process that up started; the data stays
  reset   down, and then forgets everything, data included
  status  what runs, where, and how it is; exit code 1 when something is not
          --json
  env     <system> <service>
          the variables that a service is started with
          --format <how>   dotenv: for node --env-file and docker compose
                           (default)
                           shell: eval "$(slipway local env devx api --export)"
                           json: one object
                           docker: for docker run --env-file, which holds no
                           value of more than one line; stderr says how to pass
                           those
          --export         the same as --format shell
  logs    [name]
          where the logs are, or how those end whose name contains it
          --lines <n>      how much of each (default: 40)
  api     DigitalOcean's API alone, with servers behind it, until Ctrl-C
          --port <n>       (default: the one that stack local names, 4010)
          --https          for clients that send no token without it
          --timings <how>  how long clusters and deployments take: instant,
                           real (minutes), or seconds (default: instant)
          --source <app>=<dir>  as for up

  --cwd <directory>        where to look for Pulumi.yaml, and above it
                           (default: here)

Everything is kept in the project's .slipway.
Exit codes: 0 done and healthy, 1 failed, 2 bad input.`;

type Verb = (given: Given & { readonly place: Workspace }, terminal: Terminal) => Promise<number>;

/** Loaded only when asked for. */
const VERBS: Readonly<Record<string, { load(): Promise<Verb>; takes: number; flags: readonly string[] }>> = {
  up: { load: async () => (await import("./local-up.ts")).up, takes: 0, flags: ["systems", "fresh", "source"] },
  down: { load: async () => (await import("./local-down.ts")).down, takes: 0, flags: [] },
  reset: { load: async () => (await import("./local-down.ts")).reset, takes: 0, flags: [] },
  status: { load: async () => (await import("./local-status.ts")).status, takes: 0, flags: ["json"] },
  env: { load: async () => (await import("./local-env.ts")).env, takes: 2, flags: ["export", "format"] },
  logs: { load: async () => (await import("./local-logs.ts")).logs, takes: 1, flags: ["lines"] },
  api: { load: async () => (await import("./local-api.ts")).api, takes: 0, flags: ["port", "https", "timings", "source"] },
};

export const command: Command = {
  usage: USAGE,
  positionals: ["verb", "system", "service"],
  options: {
    systems: { type: "string" },
    fresh: { type: "boolean" },
    json: { type: "boolean" },
    export: { type: "boolean" },
    format: { type: "string" },
    lines: { type: "string" },
    port: { type: "string" },
    https: { type: "boolean" },
    timings: { type: "string" },
    source: { type: "string", multiple: true },
    cwd: { type: "string" },
  },
  async run({ values, positionals: [name, ...rest] }, terminal) {
    const known = Object.keys(VERBS);
    if (name === undefined) throw new UsageError(`What of the local platform? slipway local ${known.join("|")}. See: slipway local --help`);
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (!verb) {
      const near = nearest(name, known);
      throw new UsageError(
        `There is no "slipway local ${name}".${near === undefined ? "" : ` Did you mean slipway local ${near}?`} See: slipway local --help`,
      );
    }
    const stray = Object.keys(values).find((flag) => flag !== "cwd" && !verb.flags.includes(flag));
    if (stray !== undefined) throw new UsageError(`slipway local ${name} has no flag --${stray}. See: slipway local --help`);
    if (rest.length > verb.takes)
      throw new UsageError(`slipway local ${name} does not know what to do with "${rest[verb.takes]}". See: slipway local --help`);
    const place = workspaceAt(findProject(String(values.cwd ?? process.cwd())).root);
    return (await verb.load())({ values, positionals: rest, place }, terminal);
  },
};
