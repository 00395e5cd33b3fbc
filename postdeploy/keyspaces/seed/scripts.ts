/**
 * Lua scripts by name. The store forgets loaded scripts whenever it restarts or fails over; digests and sources that lie in keys stay. So a
 * script is loaded, its source kept beside it, and whether the store still has it is asked of the store, never of the digest.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../connect/failure.ts";
import { declarationError, type FileLocation } from "../read/entry.ts";
import { checkFile } from "../read/files.ts";
import { createInternalKeys, type InternalKeys } from "../read/internal-keys.ts";
import { decodeUtf8, type Keyspace } from "../read/keyspace.ts";
import { StoreConnection } from "../wire/connection.ts";
import { toFailure } from "../wire/errors.ts";
import { Commands, ErrorReply, type Reply } from "../wire/resp.ts";
import { formatTarget, type StoreAddress } from "../wire/target.ts";

export interface Script {
  readonly name: string;
  readonly file: string;
  readonly source: string;
  readonly sha: string;
  /** Keys without which it has nothing to work on. */
  readonly needs: readonly string[];
  readonly place: FileLocation;
}

export function readScripts(keyspace: Keyspace): Script[] {
  const registry = keyspace.scripts?.registry;
  if (registry !== undefined && !keyspace.patterns.some(({ type, ttl, matches }) => type === "hash" && ttl === 0 && matches(registry)))
    throw declarationError(
      { file: keyspace.file },
      `the registry ${registry} is not among keys. Add it: { pattern: "${registry}", type: hash, ttl: none, … }.`,
    );
  return (keyspace.scripts?.files ?? []).map(({ name, file, needs, place }) => {
    const path = join(keyspace.folder, file).replaceAll("\\", "/");
    checkFile(keyspace.folder, file, place, "script");
    const source = normalizeLineEnds(decodeUtf8(readFileSync(path), path));
    if (source.trim() === "") throw declarationError({ file: path }, "is empty. A script does something.");
    return { name, file: path, source, sha: createHash("sha1").update(source).digest("hex"), needs, place };
  });
}

/** The digest is of exact bytes: a checkout on Windows must not have another one. */
const normalizeLineEnds = (source: string): string => `${source.replaceAll("\r\n", "\n").replace(/\n*$/, "")}\n`;

/** What of a script is not as it should be. */
export interface ScriptStatus {
  readonly script: Script;
  readonly loaded: boolean;
  readonly registered: boolean;
  readonly kept: boolean;
}

export const isInPlace = ({ loaded, registered, kept }: ScriptStatus): boolean => loaded && registered && kept;

export async function readScriptStatus(
  connection: StoreConnection,
  { registry }: { readonly registry: string },
  names: InternalKeys,
  scripts: readonly Script[],
): Promise<ScriptStatus[]> {
  if (scripts.length === 0) return [];
  const commands = new Commands()
    .add("SCRIPT", "EXISTS", ...scripts.map(({ sha }) => sha))
    .add("HMGET", registry, ...scripts.map(({ name }) => name))
    .add("HMGET", names.scripts, ...scripts.map(({ name }) => name))
    .add("MGET", ...scripts.map(({ sha }) => names.source(sha)));
  const [loaded, registered, listed, kept] = await connection.send(commands);
  if (registered instanceof ErrorReply && registered.code === "WRONGTYPE")
    throw new Failure(
      "wrong-type",
      1,
      `${registry} is not a hash in ${formatTarget(connection.target)}, and digests of scripts go there. Nothing was written. See what it is: TYPE ${registry}`,
    );
  const at = (reply: Reply | undefined, index: number) => (connection.unwrap(reply) as readonly Reply[])[index];
  return scripts.map((script, index) => ({
    script,
    loaded: at(loaded, index) === 1,
    registered: String(at(registered, index)) === script.sha && String(at(listed, index)) === script.sha,
    kept: String(at(kept, index)) === script.source,
  }));
}

/** Before the first write: what does not compile, or has nothing to work on, stops the run. */
export async function loadScripts(
  connection: StoreConnection,
  scripts: readonly Script[],
  isDeclared: (key: string) => boolean,
): Promise<void> {
  for (const script of scripts) {
    for (const key of script.needs) {
      if (isDeclared(key) || (await connection.call("EXISTS", key)) === 1) continue;
      throw declarationError(
        script.place,
        `the script ${script.name} needs the key ${key}, which is neither seeded nor there. Nothing was written. Seed it, or take it out of needs.`,
      );
    }
  }
  for (const script of scripts) {
    const reply = await connection.tryCall("SCRIPT", "LOAD", script.source);
    if (!(reply instanceof ErrorReply)) continue;
    throw /[Ee]rror compiling script/.test(reply.message) ? syntaxError(script, reply.message) : toFailure(reply, connection.target);
  }
}

function syntaxError({ file, source }: Script, message: string): Failure {
  const [, at, what] = /user_script:(\d+):\s*(.*)$/.exec(message) ?? [];
  const line = at === undefined ? undefined : Number(at);
  const text = line === undefined ? undefined : source.split("\n")[line - 1];
  return declarationError(
    { file, line },
    `does not compile: ${(what ?? message).trim()}. Nothing was written.${text === undefined ? "" : `\n  ${line} | ${text}`}`,
  );
}

/** Sources, digests and registry in one step: whoever reads a digest finds the source of it. */
export async function storeScripts(
  connection: StoreConnection,
  registry: string,
  names: InternalKeys,
  scripts: readonly Script[],
): Promise<void> {
  if (scripts.length === 0) return;
  const commands = new Commands().add("MULTI");
  for (const { sha, source } of scripts) commands.add("SET", names.source(sha), source);
  const digests = scripts.flatMap(({ name, sha }) => [name, sha]);
  commands
    .add("HSET", names.scripts, ...digests)
    .add("HSET", registry, ...digests)
    .add("EXEC");
  const results = connection.unwrap((await connection.send(commands)).at(-1)) as readonly Reply[];
  for (const result of results) connection.unwrap(result);
}

export interface CallOptions {
  readonly address: StoreAddress;
  readonly keyspace: Keyspace;
  readonly script: string;
  readonly keys?: readonly string[];
  readonly args?: readonly string[];
}

/** Runs a registered script by its name; one that the store has forgotten is loaded from its kept source and called again. */
export async function callScript({ address, keyspace, script, keys = [], args = [] }: CallOptions): Promise<Reply> {
  const registry = keyspace.scripts?.registry;
  if (registry === undefined) throw new Failure("no-scripts", 2, `The keyspace ${keyspace.keyspace} declares no scripts.`);
  const connection = await StoreConnection.open(address, keyspace.database, `slipway-call-${process.pid}`);
  try {
    const sha = String((await connection.call("HGET", registry, script)) ?? "");
    if (sha === "")
      throw new Failure(
        "no-script",
        1,
        `${registry} knows no script "${script}". Seed it: slipway keyspaces seed --system ${keyspace.system}`,
      );
    const call = () => connection.tryCall("EVALSHA", sha, String(keys.length), ...keys, ...args);
    const reply = await call();
    if (!(reply instanceof ErrorReply && reply.code === "NOSCRIPT")) return connection.unwrap(reply);
    const source = await connection.call("GET", createInternalKeys(keyspace).source(sha));
    if (!Buffer.isBuffer(source))
      throw new Failure(
        "no-source",
        1,
        `The store has forgotten the script "${script}", and its source is not kept. Seed it: slipway keyspaces seed --system ${keyspace.system}`,
      );
    await connection.call("SCRIPT", "LOAD", source);
    return await connection.call("EVALSHA", sha, String(keys.length), ...keys, ...args);
  } finally {
    connection.close();
  }
}

/** Loads again what a store has forgotten: a restart takes the scripts along, and leaves their sources. @returns their names */
export async function reloadScripts({ address, keyspace }: Pick<CallOptions, "address" | "keyspace">): Promise<string[]> {
  const names = createInternalKeys(keyspace);
  const connection = await StoreConnection.open(address, keyspace.database, `slipway-recall-${process.pid}`);
  try {
    const listed = ((await connection.call("HGETALL", names.scripts)) as readonly Reply[]).map(String);
    const recalled: string[] = [];
    for (let at = 0; at < listed.length; at += 2) {
      const [name = "", sha = ""] = listed.slice(at, at + 2);
      const [loaded] = (await connection.call("SCRIPT", "EXISTS", sha)) as readonly Reply[];
      const source = loaded === 1 ? undefined : await connection.call("GET", names.source(sha));
      if (!Buffer.isBuffer(source)) continue;
      await connection.call("SCRIPT", "LOAD", source);
      recalled.push(name);
    }
    return recalled;
  } finally {
    connection.close();
  }
}
