/** `slipway local env`: the variables of a service, for the real application, psql or redis-cli. */

import { findDaemon } from "../../local/platform/daemon/client.ts";
import { callDaemon } from "../../local/platform/daemon/control.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { STACK } from "../../local/platform/workspace.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import type { Terminal } from "../shared/terminal.ts";
import { type EnvFormat, formatEnv, quoteForShell } from "./env-format.ts";
import type { EnvOptions } from "./flags.ts";

type Names = readonly [system: string | undefined, service: string | undefined];

export async function env(names: Names, options: EnvOptions, workspace: Workspace, { print, log }: Terminal): Promise<number> {
  const format = formatOf(options);
  if (options.system !== undefined && !options.example)
    throw new UsageError("--system needs --example. Without it: slipway local env <system> <service>");
  if (options.example) {
    print(await formatExamples(names, options));
    return DONE;
  }
  const { app, component } = await findService(names);
  const daemon = findDaemon(workspace);
  if (!daemon) {
    log("The local platform is not running. Start it: slipway local up");
    return FAILED;
  }
  const found = await callDaemon<{ env: Record<string, string>; components: string[] } | undefined>(daemon, "env", { app, component });
  if (!found?.components.includes(component)) {
    log(`${names[0]} ${component} is not running: its system or its feature is off. See: slipway local status`);
    return FAILED;
  }
  const { text, omitted } = formatEnv(found.env, format);
  if (omitted.length === 0 || format === "docker") print(text);
  if (omitted.length === 0) return DONE;
  if (format === "docker") {
    log(describeOmitted(omitted, found.env.NODE_EXTRA_CA_CERTS, names));
    return DONE;
  }
  log(`The format ${format} cannot hold ${omitted.join(", ")}; nothing was printed. Use --format json or --format shell.`);
  return FAILED;
}

async function formatExamples([name, service]: Names, { format = "dotenv", export: isExport, system }: EnvOptions): Promise<string> {
  if (format !== "dotenv" || isExport) throw new UsageError("--example prints dotenv only. Leave out --format and --export.");
  if (name !== undefined && system !== undefined && name !== system)
    throw new UsageError(`--system ${system} and ${name} are two systems. Give one of them.`);
  if (service !== undefined) await findService([name, service]);
  const chosen = name ?? system;
  const described = chosen === undefined ? systems : [await findSystem(systems, chosen)];
  const componentsOf = (one: System) => (service === undefined ? servicesOf(one).map(({ component }) => component) : [service]);
  const { formatEnvExample } = await import("./env-example.ts");
  return described.map((one) => formatEnvExample(one, componentsOf(one))).join("\n\n");
}

function formatOf({ export: isExport, format = isExport ? "shell" : "dotenv" }: EnvOptions): EnvFormat {
  if (isExport && format !== "shell") throw new UsageError("--export is the same as --format shell. Give one of the two.");
  return format;
}

/** Certificates have more than one line. The container reads them from a file, or docker takes them from its own environment. */
function describeOmitted(omitted: readonly string[], caFile: string | undefined, [system, service]: Names): string {
  const mount = caFile === undefined ? "" : ` --mount ${quoteForShell(`type=bind,src=${caFile},dst=${caFile},readonly`)}`;
  return [
    `Omitted, because docker's --env-file has no values of more than one line: ${omitted.join(", ")}.`,
    ...(caFile === undefined
      ? []
      : ["NODE_EXTRA_CA_CERTS is the path of a file with the certificates; the container needs it at the same path."]),
    "To pass every variable, take these from the shell:",
    `  eval "$(npx slipway local env ${system} ${service} --format shell)"`,
    `  docker run --network host --env-file <file>${mount} ${omitted.map((key) => `--env ${key}`).join(" ")} <image>`,
  ].join("\n");
}

async function findService([name, component]: Names): Promise<{ app: string; component: string }> {
  const known = systems.map((system) => system.name).join(", ");
  if (name === undefined) throw new UsageError(`Which system and service? slipway local env <system> <service>; systems: ${known}`);
  const system = await findSystem(systems, name);
  const services = servicesOf(system);
  const names = services.map((service) => service.component).join(", ");
  if (component === undefined) throw new UsageError(`Which service of ${name}? slipway local env ${name} <service>; services: ${names}`);
  const service = services.find((candidate) => candidate.component === component);
  if (!service) throw new UsageError(`${name} has no service "${component}". Services: ${names}.`);
  return service;
}

const servicesOf = ({ apps }: System) =>
  Object.values(apps).flatMap((app) => Object.keys(app.components).map((component) => ({ app: `${app.name}-${STACK}`, component })));
