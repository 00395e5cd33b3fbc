/** The keys of the benchmarks: as data file, as commands, and as RESP. */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Commands } from "../../postdeploy/keyspaces/wire/resp.ts";

/** Alternates three types: a string of 54 bytes, a hash of three fields, a sorted set of one member. */
export function createCommand(n: number): string[] {
  switch (n % 3) {
    case 0:
      return ["SET", `b:s:${n}`, createText(n)];
    case 1:
      return ["HSET", `b:h:${n}`, "name", `name ${n}`, "mail", `m${n}@example.org`, "visits", String(n)];
    default:
      return ["ZADD", `b:z:${n}`, String(n), `member ${n}`];
  }
}

export const createText = (n: number): string => `value of ${n} `.padEnd(54, "x");

function createLine(n: number): string {
  const [name, key, ...rest] = createCommand(n);
  if (name === "SET") return JSON.stringify({ key, string: rest[0] });
  if (name === "ZADD") return JSON.stringify({ key, zset: { [rest[1] as string]: Number(rest[0]) } });
  return JSON.stringify({ key, hash: { [rest[0] as string]: rest[1], [rest[2] as string]: rest[3], [rest[4] as string]: rest[5] } });
}

export function writeMixed(folder: string, count: number): { readonly protocol: string } {
  writeKeyspace(folder, "bulk", "own");
  const lines = openSync(join(folder, "keys.jsonl"), "w");
  const protocol = join(folder, "keys.resp");
  const bytes = openSync(protocol, "w");
  for (let from = 0; from < count; from += 10_000) {
    const numbers = Array.from({ length: Math.min(10_000, count - from) }, (_, index) => from + index);
    writeSync(lines, numbers.map((n) => `${createLine(n)}\n`).join(""));
    const commands = new Commands();
    for (const n of numbers) commands.addAll(createCommand(n));
    writeSync(bytes, commands.take());
  }
  closeSync(lines);
  closeSync(bytes);
  return { protocol };
}

export function writeStrings(folder: string, count: number): void {
  writeKeyspace(folder, "guarded", "ensure");
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ key: `b:s:${n}`, string: createText(n) }));
  writeFileSync(join(folder, "keys.jsonl"), `${lines.join("\n")}\n`);
}

/** Writes strings of one kilobyte until the file has the given size. */
export function writeLarge(folder: string, mode: "bulk" | "guarded", megabytes: number): void {
  writeKeyspace(folder, mode, "own");
  const lines = openSync(join(folder, "keys.jsonl"), "w");
  for (let n = 0; n < megabytes * 1024; n += 1024) {
    const lineStarts = Array.from({ length: 1024 }, (_, index) =>
      `{"key":"b:s:${n + index}","string":"${createText(n + index)}`.padEnd(1021, "y"),
    );
    writeSync(lines, lineStarts.map((start) => `${start}"}\n`).join(""));
  }
  closeSync(lines);
}

function writeKeyspace(folder: string, mode: string, policy: string): void {
  const pattern = (start: string, type: string) => `  - { pattern: "${start}<n>", type: ${type}, ttl: none, owner: bench, purpose: race }`;
  const lines = [
    ...["keyspace: race", "store: store", "database: 0", "durable: true", "purpose: A race"],
    ...[`mode: ${mode}`, `policy: ${policy}`, 'prefix: "b:"', "keys:"],
    ...[pattern("b:s:", "string"), pattern("b:h:", "hash"), pattern("b:z:", "zset"), "data: [keys.jsonl]"],
  ];
  writeFileSync(join(folder, "race.yaml"), `${lines.join("\n")}\n`);
}
