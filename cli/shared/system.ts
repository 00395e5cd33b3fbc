/** The system that somebody names. */
import type { System } from "../../systems/definition.ts";
import { UsageError } from "./command.ts";
import { nearest } from "./nearest.ts";

export function systemNamed(systems: readonly System[], name: string): System {
  const found = systems.find((one) => one.name === name);
  if (found) return found;
  const names = systems.map((one) => one.name);
  const meant = nearest(name, names);
  throw new UsageError(
    `There is no system "${name}".${meant === undefined ? "" : ` Did you mean ${meant}?`} There are: ${names.join(", ")}.`,
  );
}
