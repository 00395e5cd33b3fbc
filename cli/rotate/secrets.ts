/** `slipway rotate secrets`: replaces the generated secrets of a system, or one that an operator sets. */
import { text } from "node:stream/consumers";
import { rotateSecrets } from "../../operate/rotate/secrets.ts";
import type { SystemSettings } from "../../settings/settings.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { SecretsOptions } from "./flags.ts";
import { lockRotation } from "./lock.ts";
import { generatedSecrets, openSubject } from "./subject.ts";

/** @returns the exit code. */
export async function secrets(options: SecretsOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "secrets");
  const [selected] = subject.selected;
  if (options.system === undefined || selected === undefined)
    throw new UsageError(
      `Which system? slipway rotate secrets ${subject.flags} --system ${subject.selected.map((one) => one.system.name).join(" | ")}`,
    );
  const names =
    options.name === undefined ? generatedSecrets(selected.system) : [checkName(options.name, selected, subject.settings.stack)];
  const { title } = selected.system;
  if (names.length === 0) throw new UsageError(`${title} has no generated secret. A secret of yours: --name <secret>`);
  if (!options.yes) {
    terminal.print(
      [
        `Replaces ${names.join(", ")} of ${title} in stack ${subject.settings.stack}. Nothing was changed; to do it, add --yes.`,
        options.name === undefined
          ? "What was signed with an old value is refused from then on: users sign in again."
          : "Create the new one where it comes from first, and delete the old one after this has ended.",
      ].join("\n"),
    );
    return DONE;
  }
  const value = options.name === undefined ? undefined : await readValue(options.name);
  const unlock = lockRotation(subject.project);
  try {
    const today = new Date().toISOString().slice(0, 10);
    const secret = options.name === undefined || value === undefined ? undefined : { name: options.name, value };
    const variables = await rotateSecrets(await subject.secretRotation(selected, today, secret), (line) => terminal.log(line));
    terminal.print(
      options.json
        ? JSON.stringify({ stack: subject.settings.stack, system: options.system, secrets: names, variables }, null, 2)
        : [
            variables.length === 0
              ? `${names.join(", ")} was set and deployed. No app reads it.`
              : `The apps run with ${names.length === 1 ? "a new value" : "new values"} of ${names.join(", ")}.`,
            `Commit Pulumi.${subject.settings.stack}.yaml.`,
            ...(secret === undefined ? [] : [`Delete the old value of ${secret.name} where it comes from.`]),
          ].join("\n"),
    );
    return DONE;
  } finally {
    unlock();
  }
}

/** Of an operator's secret that this stack has. */
function checkName(name: string, { system, operatorSecrets }: SystemSettings, stack: string): string {
  if (name in operatorSecrets) return name;
  if (system.secrets[name]?.origin === "generated")
    throw new UsageError(`${name} is generated. All generated secrets of a system are replaced together: leave out --name.`);
  const own = Object.keys(operatorSecrets);
  throw new UsageError(
    `Stack ${stack} has no secret "${name}" of ${system.title} that an operator sets. It has: ${own.join(", ") || "none"}.`,
  );
}

async function readValue(name: string): Promise<string> {
  if (process.stdin.isTTY)
    throw new UsageError(`The new value of ${name} is read from standard input: slipway rotate secrets … --name ${name} --yes < file`);
  // An editor ends a file with a newline, which no secret ends with.
  const value = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (value === "") throw new UsageError(`The new value of ${name} is empty. Write it to standard input.`);
  return value;
}
