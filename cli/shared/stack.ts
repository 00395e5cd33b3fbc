/** The stack that is meant. */
import { type Project, stackNames } from "../../engine/project.ts";
import { UsageError } from "./command.ts";

export function neededStack(stack: string | undefined, project: Project, verb: string): string {
  if (stack !== undefined && stack !== "") return stack;
  const names = stackNames(project);
  const example = names.includes("prod") ? "prod" : (names[0] ?? "prod");
  throw new UsageError(
    `Which stack? ${names.length === 0 ? "This project has none yet" : `This project has ${names.join(", ")}`}: slipway ${verb} --stack ${example}`,
  );
}
