/** `slipway local env`: the variables of one service, for the real application, psql or redis-cli. */

import { findDaemon } from "../local/platform/daemon/client.ts";
import { callDaemon } from "../local/platform/daemon/control.ts";
import type { Workspace } from "../local/platform/workspace.ts";
import { STACK } from "../local/platform/workspace.ts";
import type { System } from "../systems/definition.ts";
import { systems } from "../systems/index.ts";
import { DONE, FAILED, type Given, UsageError } from "./command.ts";
import { type EnvFormat, FORMATS, formatEnv, shellWord } from "./env-format.ts";
import { systemNamed } from "./system.ts";
import type { Terminal } from "./terminal.ts";

export async function env({ values, positionals, place }: Given & { place: Workspace }, { print, say }: Terminal): Promise<number> {
  const format = formatOf(values);
  const { app, component } = serviceOf(positionals);
  const line = findDaemon(place);
  if (!line) {
    say("The local platform does not run. Start it: slipway local up");
    return FAILED;
  }
  const found = await callDaemon<{ env: Record<string, string>; components: string[] } | undefined>(line, "env", { app, component });
  if (!found?.components.includes(component)) {
    say(`${component} of ${positionals[0]} is not part of what runs: its system or its feature is off. See: slipway local status`);
    return FAILED;
  }
  const { text, omitted } = formatEnv(found.env, format);
  if (omitted.length === 0 || format === "docker") print(text);
  if (omitted.length === 0) return DONE;
  if (format === "docker") {
    say(dockerNote(omitted, found.env.NODE_EXTRA_CA_CERTS, positionals));
    return DONE;
  }
  say(`${omitted.join(", ")} cannot be written in the format ${format}, so nothing is printed. Use --format json or --format shell.`);
  return FAILED;
}

function formatOf(values: Given["values"]): EnvFormat {
  const { format = values.export === true ? "shell" : "dotenv" } = values as { readonly format?: string };
  if (!FORMATS.includes(format as EnvFormat))
    throw new UsageError(`--format takes ${FORMATS.join(", ")}, not "${format}": slipway local env devx api --format docker`);
  if (values.export === true && format !== "shell") throw new UsageError("--export is --format shell. Give one of the two.");
  return format as EnvFormat;
}

/** Certificates have more than one line. The service gets them from a file, or docker from its own environment. */
function dockerNote(omitted: readonly string[], caFile: string | undefined, [system, service]: readonly string[]): string {
  const mount = caFile === undefined ? "" : ` --mount ${shellWord(`type=bind,src=${caFile},dst=${caFile},readonly`)}`;
  return [
    `Omitted, because docker's --env-file has no values of more than one line: ${omitted.join(", ")}.`,
    ...(caFile === undefined
      ? []
      : ["NODE_EXTRA_CA_CERTS names a file with the certificates, which the container needs at the same path."]),
    "To pass everything, with these variables taken from the shell:",
    `  eval "$(npx slipway local env ${system} ${service} --format shell)"`,
    `  docker run --network host --env-file <file>${mount} ${omitted.map((key) => `--env ${key}`).join(" ")} <image>`,
  ].join("\n");
}

function serviceOf([name, component]: readonly string[]): { app: string; component: string } {
  const known = systems.map((system) => system.name).join(", ");
  if (name === undefined) throw new UsageError(`Which system, and which service? slipway local env <system> <service>; systems: ${known}`);
  const system = systemNamed(systems, name);
  const services = servicesOf(system);
  const names = services.map((service) => service.component).join(", ");
  if (component === undefined) throw new UsageError(`Which service of ${name}? slipway local env ${name} <service>; services: ${names}`);
  const service = services.find((candidate) => candidate.component === component);
  if (!service) throw new UsageError(`${name} has no service "${component}". It has: ${names}.`);
  return service;
}

const servicesOf = ({ apps }: System) =>
  Object.values(apps).flatMap((app) => Object.keys(app.components).map((component) => ({ app: `${app.name}-${STACK}`, component })));
