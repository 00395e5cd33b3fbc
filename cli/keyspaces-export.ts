/** `slipway keyspaces export` and `call`: what is read out of a store, and run in it. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import {
  callScript,
  type ExportResult,
  escapeControlCharacters,
  exportKeys,
  type Keyspace,
  type Options,
} from "../postdeploy/keyspaces/index.ts";
import { UsageError } from "./command.ts";
import { type Flags, type Place, whereAre } from "./keyspaces-place.ts";
import type { Terminal } from "./terminal.ts";

export interface ExportFlags {
  /** @default the terminal */
  readonly out?: string | undefined;
  readonly secrets?: boolean | undefined;
}

export async function exportTo(options: Options, { out, secrets }: ExportFlags, { print, say }: Terminal): Promise<ExportResult[]> {
  // What may be in it is nobody else's to read.
  const file = out === undefined ? undefined : createWriteStream(out, { mode: 0o600 });
  const failed = file === undefined ? undefined : once(file, "error").then(([error]) => Promise.reject(error as Error));
  const work = exportKeys({
    ...options,
    secrets,
    onLine: async (line) => {
      if (file === undefined) print(line);
      else if (!file.write(`${line}\n`)) await once(file, "drain");
    },
  });
  const results = await (failed === undefined ? work : Promise.race([work, failed])).catch((error: NodeJS.ErrnoException) => {
    throw error.syscall === "open" ? new UsageError(`${out} cannot be written (${error.code}). Name another file with --out.`) : error;
  });
  if (file !== undefined) {
    file.end();
    await once(file, "finish");
  }
  for (const { keyspace, keys, masked, left } of results) {
    say(
      `${keyspace}: ${keys} ${keys === 1 ? "key" : "keys"}${masked > 0 ? `, the values of ${masked} masked (--secrets shows them)` : ""}`,
    );
    if (left.length > 0)
      say(
        `${keyspace}: left out, because no file can declare them: ${left.slice(0, 10).map(shown).join(", ")}${left.length > 10 ? ", …" : ""}`,
      );
  }
  return results;
}

const shown = (key: string): string => (key === "" ? '""' : escapeControlCharacters(key));

export async function call({ options: { stores }, keyspaces }: Place, script: string | undefined, flags: Flags): Promise<unknown> {
  const known = keyspaces.flatMap(({ scripts }) => scripts?.files.map(({ name }) => name) ?? []);
  if (script === undefined || !known.includes(script))
    throw new UsageError(
      `${script === undefined ? "Which script?" : `There is no script "${script}".`} There are: ${known.join(", ") || "none"}.`,
    );
  const keyspace = keyspaces.find(({ scripts }) => scripts?.files.some(({ name }) => name === script)) as Keyspace;
  const connection = stores[keyspace.store];
  if (connection === undefined) throw new UsageError(whereAre([keyspace.store], flags));
  return textOf(await callScript({ address: connection, keyspace, script }));
}

/** What a script answers, as JSON can tell it. */
function textOf(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? reply.map(textOf) : reply;
}
