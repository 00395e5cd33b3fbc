/** `slipway keyspaces export` and `call`. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import {
  callScript,
  type ExportResult,
  escapeControlCharacters,
  exportKeys,
  type Keyspace,
  type Options,
} from "../../postdeploy/keyspaces/index.ts";
import { UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { ExportOptions, KeyspacesOptions } from "./flags.ts";
import { describeMissingStores, type FoundKeyspaces } from "./stores.ts";

export async function exportTo(options: Options, { out, secrets }: ExportOptions, { print, log }: Terminal): Promise<ExportResult[]> {
  // The file may hold secrets.
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
    log(
      `${keyspace}: ${keys} ${keys === 1 ? "key" : "keys"}${masked > 0 ? `, the values of ${masked} masked (--secrets includes them)` : ""}`,
    );
    if (left.length > 0)
      log(
        `${keyspace}: not exported, because no file can declare them: ${left.slice(0, 10).map(formatKey).join(", ")}${left.length > 10 ? ", …" : ""}`,
      );
  }
  return results;
}

const formatKey = (key: string): string => (key === "" ? '""' : escapeControlCharacters(key));

export async function callByName(
  { engineOptions: { stores }, keyspaces }: FoundKeyspaces,
  script: string | undefined,
  options: KeyspacesOptions,
): Promise<unknown> {
  const known = keyspaces.flatMap(({ scripts }) => scripts?.files.map(({ name }) => name) ?? []);
  if (script === undefined || !known.includes(script))
    throw new UsageError(
      `${script === undefined ? "Which script?" : `There is no script "${script}".`} There are: ${known.join(", ") || "none"}.`,
    );
  const keyspace = keyspaces.find(({ scripts }) => scripts?.files.some(({ name }) => name === script)) as Keyspace;
  const connection = stores[keyspace.store];
  if (connection === undefined) throw new UsageError(describeMissingStores([keyspace.store], options));
  return decode(await callScript({ address: connection, keyspace, script }));
}

/** A script's reply as JSON values. */
function decode(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? reply.map(decode) : reply;
}
