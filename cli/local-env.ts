/** `slipway local env`: the variables of one service, for the real application, psql or redis-cli. */
import { call } from "../local/platform/control.ts";
import type { Place } from "../local/platform/place.ts";
import { STACK } from "../local/platform/place.ts";
import { lineTo } from "../local/platform/reach.ts";
import type { System } from "../systems/definition.ts";
import { systems } from "../systems/index.ts";
import { DONE, FAILED, type Given, UsageError } from "./command.ts";
import { systemNamed } from "./system.ts";
import type { Terminal } from "./terminal.ts";

export async function env({ values, positionals, place }: Given & { place: Place }, { print, say }: Terminal): Promise<number> {
  const { app, component } = serviceOf(positionals);
  const line = lineTo(place);
  if (!line) {
    say("The local platform does not run. Start it: slipway local up");
    return FAILED;
  }
  const found = await call<{ env: Record<string, string>; components: string[] } | undefined>(line, "env", { app, component });
  if (!found?.components.includes(component)) {
    say(`${component} of ${positionals[0]} is not part of what runs: its system or its feature is off. See: slipway local status`);
    return FAILED;
  }
  for (const [key, value] of Object.entries(found.env).sort(([a], [b]) => (a < b ? -1 : 1)))
    print(values.export === true ? `export ${key}=${quoted(value)}` : `${key}=${value.replaceAll("\n", "\\n")}`);
  return DONE;
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

/** For a POSIX shell, line breaks included. */
const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
