/**
 * Loads, stores and calls Lua scripts. A store forgets loaded scripts when it restarts or fails over, but keeps keys. So the source of each
 * script is stored in a key, and SCRIPT EXISTS decides whether it must be loaded again.
 */
import { Failure } from "../../connect/failure.ts";
import { declarationError } from "../read/entry.ts";
import { createInternalKeys, type InternalKeys } from "../read/internal-keys.ts";
import type { Keyspace } from "../read/keyspace.ts";
import type { Script } from "../read/scripts.ts";
import { StoreConnection } from "../wire/connection.ts";
import { toFailure } from "../wire/errors.ts";
import { Commands, ErrorReply, type Reply } from "../wire/resp.ts";
import { formatTarget, type StoreAddress } from "../wire/target.ts";

interface ScriptStatus {
  readonly script: Script;
  readonly loaded: boolean;
  readonly registered: boolean;
  readonly stored: boolean;
}

export const isInPlace = ({ loaded, registered, stored }: ScriptStatus): boolean => loaded && registered && stored;

export async function readScriptStatus(
  connection: StoreConnection,
  { registry }: { readonly registry: string },
  internalKeys: InternalKeys,
  scripts: readonly Script[],
): Promise<ScriptStatus[]> {
  if (scripts.length === 0) return [];
  const commands = new Commands()
    .add("SCRIPT", "EXISTS", ...scripts.map(({ sha }) => sha))
    .add("HMGET", registry, ...scripts.map(({ name }) => name))
    .add("HMGET", internalKeys.scripts, ...scripts.map(({ name }) => name))
    .add("MGET", ...scripts.map(({ sha }) => internalKeys.source(sha)));
  const [loaded, registered, listed, stored] = await connection.send(commands);
  if (registered instanceof ErrorReply && registered.code === "WRONGTYPE")
    throw new Failure(
      "wrong-type",
      1,
      `${registry} is not a hash in ${formatTarget(connection.target)}, but the script digests go there. Nothing was written. Check: TYPE ${registry}`,
    );
  const at = (reply: Reply | undefined, index: number) => (connection.unwrap(reply) as readonly Reply[])[index];
  return scripts.map((script, index) => ({
    script,
    loaded: at(loaded, index) === 1,
    registered: String(at(registered, index)) === script.sha && String(at(listed, index)) === script.sha,
    stored: String(at(stored, index)) === script.source,
  }));
}

/** Compiles the scripts and checks the keys they need, before the first write. */
export async function loadScripts(
  connection: StoreConnection,
  scripts: readonly Script[],
  isDeclared: (key: string) => boolean,
): Promise<void> {
  for (const script of scripts) {
    for (const key of script.needs) {
      if (isDeclared(key) || (await connection.call("EXISTS", key)) === 1) continue;
      throw declarationError(
        script.location,
        `the script ${script.name} needs the key ${key}, which is neither seeded nor present. Nothing was written. Seed the key, or remove it from needs.`,
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
  const [, at, reason] = /user_script:(\d+):\s*(.*)$/.exec(message) ?? [];
  const line = at === undefined ? undefined : Number(at);
  const text = line === undefined ? undefined : source.split("\n")[line - 1];
  return declarationError(
    { file, line },
    `does not compile: ${(reason ?? message).trim()}. Nothing was written.${text === undefined ? "" : `\n  ${line} | ${text}`}`,
  );
}

/** Stores sources and digests in one transaction, so that a client that reads a digest also finds its source. */
export async function storeScripts(
  connection: StoreConnection,
  registry: string,
  internalKeys: InternalKeys,
  scripts: readonly Script[],
): Promise<void> {
  if (scripts.length === 0) return;
  const commands = new Commands().add("MULTI");
  for (const { sha, source } of scripts) commands.add("SET", internalKeys.source(sha), source);
  const digests = scripts.flatMap(({ name, sha }) => [name, sha]);
  commands
    .add("HSET", internalKeys.scripts, ...digests)
    .add("HSET", registry, ...digests)
    .add("EXEC");
  const results = connection.unwrap((await connection.send(commands)).at(-1)) as readonly Reply[];
  for (const result of results) connection.unwrap(result);
}

interface CallOptions {
  readonly address: StoreAddress;
  readonly keyspace: Keyspace;
  readonly script: string;
  readonly keys?: readonly string[];
  readonly args?: readonly string[];
}

/** Calls a script by name. If the store has forgotten it, loads it from its stored source first. */
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
        `${registry} has no script "${script}". Seed the keyspace: slipway keyspaces seed --system ${keyspace.system}`,
      );
    const call = () => connection.tryCall("EVALSHA", sha, String(keys.length), ...keys, ...args);
    const reply = await call();
    if (!(reply instanceof ErrorReply && reply.code === "NOSCRIPT")) return connection.unwrap(reply);
    const source = await connection.call("GET", createInternalKeys(keyspace).source(sha));
    if (!Buffer.isBuffer(source))
      throw new Failure(
        "no-source",
        1,
        `The script "${script}" is not loaded, and its source is missing. Seed the keyspace: slipway keyspaces seed --system ${keyspace.system}`,
      );
    await connection.call("SCRIPT", "LOAD", source);
    return await connection.call("EVALSHA", sha, String(keys.length), ...keys, ...args);
  } finally {
    connection.close();
  }
}

/** Loads scripts that a restart has removed, from their stored sources. @returns their names */
export async function reloadScripts({ address, keyspace }: Pick<CallOptions, "address" | "keyspace">): Promise<string[]> {
  const internalKeys = createInternalKeys(keyspace);
  const connection = await StoreConnection.open(address, keyspace.database, `slipway-reload-${process.pid}`);
  try {
    const listed = ((await connection.call("HGETALL", internalKeys.scripts)) as readonly Reply[]).map(String);
    const reloaded: string[] = [];
    for (let at = 0; at < listed.length; at += 2) {
      const [name = "", sha = ""] = listed.slice(at, at + 2);
      const [loaded] = (await connection.call("SCRIPT", "EXISTS", sha)) as readonly Reply[];
      const source = loaded === 1 ? undefined : await connection.call("GET", internalKeys.source(sha));
      if (!Buffer.isBuffer(source)) continue;
      await connection.call("SCRIPT", "LOAD", source);
      reloaded.push(name);
    }
    return reloaded;
  } finally {
    connection.close();
  }
}
