import { type Project, stackNames } from "../../engine/project.ts";
import { UsageError } from "./errors.ts";

/** @throws {UsageError} which names the stacks there are. */
export function requireStack(stack: string | undefined, project: Project, command: string): string {
  if (stack !== undefined && stack !== "") return stack;
  const names = stackNames(project);
  const example = names.includes("prod") ? "prod" : (names[0] ?? "prod");
  throw new UsageError(
    `Which stack? ${names.length === 0 ? "This project has none yet" : `This project has ${names.join(", ")}`}: slipway ${command} --stack ${example}`,
  );
}
