/** Prints an error: its message, without the secrets that this process was given. */
import { existsSync } from "node:fs";
import path from "node:path";
import { scrubber } from "../../engine/scrub.ts";
import { MIN_SUBSTRING_LENGTH } from "../../engine/secret-search.ts";
import { BAD_INPUT, FAILED } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** @returns the exit code. */
export function reportError(error: unknown, terminal: Terminal): number {
  const { text } = scrubber(givenSecrets());
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const missing = describeMissingPackage(error);
  terminal.log(text(missing ?? message));
  if (process.env.SLIPWAY_DEBUG === "1") terminal.log(text(describeWithCauses(error)));
  return missing !== undefined || name === "UsageError" || name === "ProjectError" ? BAD_INPUT : FAILED;
}

function describeWithCauses(error: unknown, depth = 0): string {
  // A cause may be its own.
  if (!(error instanceof Error) || depth === 8) return String(error);
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.stack ?? "", ...inner.map((cause) => `caused by: ${describeWithCauses(cause, depth + 1)}`)].join("\n");
}

/** A library's error may repeat a password on its own, without the URL that contained it. */
function givenSecrets(): readonly string[] {
  const secrets = Object.entries(process.env).flatMap(([key, value = ""]) => (SECRET_NAME.test(key) ? [value] : urlsWithPassword(value)));
  return [...secrets, ...process.argv.flatMap(urlsWithPassword)].filter((text) => text.length >= MIN_SUBSTRING_LENGTH);
}

const SECRET_NAME = /(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|(?:ACCESS|API|SECRET|PRIVATE|SIGNING|STORE|OFFSITE)_?KEY)$/i;

function urlsWithPassword(text: string): readonly string[] {
  return /:\/\/[^\s/]*:[^\s]*@/.test(text) ? [text] : [];
}

/** @returns undefined for every error but that of a package that Node does not find. */
function describeMissingPackage(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return undefined;
  const [, imported, by] = /^Cannot find package '([^']+)' imported from (.+)$/m.exec(message) ?? [];
  const [, required, stack] = /^Cannot find module '((?!\.?\.?\/)[^']+)'\nRequire stack:\n- (.+)$/m.exec(message) ?? [];
  const [name, file] = [imported ?? required, by ?? stack];
  if (name === undefined || file === undefined) return undefined;
  return `The package ${name}, which ${file} needs, is not installed. Install the packages of this project: cd '${projectOf(file)}' && npm install`;
}

/** The nearest folder with a package.json that is not itself an installed package. */
function projectOf(file: string): string {
  const [own = file] = file.split(`${path.sep}node_modules${path.sep}`);
  for (let folder = own === file ? path.dirname(file) : own; ; folder = path.dirname(folder))
    if (existsSync(path.join(folder, "package.json")) || folder === path.dirname(folder)) return folder;
}
