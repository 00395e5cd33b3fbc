import type { System } from "../../systems/definition.ts";
import { UsageError } from "./errors.ts";

/** @throws {UsageError} which names the nearest system and all there are. */
export async function findSystem(systems: readonly System[], name: string): Promise<System> {
  const found = systems.find((system) => system.name === name);
  if (found) return found;
  const { distance } = await import("fastest-levenshtein");
  const names = systems.map((system) => system.name);
  const [nearest] = names.toSorted((one, other) => distance(name, one) - distance(name, other));
  const isNear = nearest !== undefined && distance(name, nearest) <= Math.max(2, nearest.length / 3);
  throw new UsageError(`There is no system "${name}".${isNear ? ` Did you mean ${nearest}?` : ""} There are: ${names.join(", ")}.`);
}
