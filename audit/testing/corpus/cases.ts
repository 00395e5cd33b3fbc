/** The corpus of planted leaks: each sink with each transformation, and the origins in turn. */
import { type CorpusOrigin, ORIGINS } from "./origins.ts";
import { type CorpusSink, SINKS } from "./sinks.ts";
import { type CorpusTransformation, TRANSFORMATIONS } from "./transformations.ts";

export interface CorpusCase {
  readonly name: string;
  readonly program: string;
  /** One of them must report it. */
  readonly rules: readonly string[];
  readonly line: number;
}

/** Every `step`-th combination of the sinks and transformations. */
export function corpusCases(step = 1): readonly CorpusCase[] {
  const all: CorpusCase[] = [];
  let number = 0;
  for (const [row, sink] of SINKS.entries())
    for (const [column, transformation] of TRANSFORMATIONS.entries()) {
      if ((row + column) % step !== 0) continue;
      const origin = originFor(transformation, number++);
      all.push(caseOf(origin, transformation, sink));
    }
  return all;
}

function originFor({ applies = () => true }: CorpusTransformation, number: number): CorpusOrigin {
  const suitable = ORIGINS.filter(applies);
  return suitable[number % suitable.length]!;
}

function caseOf(origin: CorpusOrigin, transformation: CorpusTransformation, sink: CorpusSink): CorpusCase {
  const program = programText(origin, transformation, sink);
  return {
    name: `${origin.name}, ${transformation.name}, in ${sink.name}`,
    program,
    rules: [transformation.readable ? rule(origin, sink) : "secret-derived", ...(sink.also ?? [])],
    line: program.split("\n").findIndex((line) => line.includes(sink.code)) + 1,
  };
}

/** Without a mark, a field of DigitalOcean is plain text in the state too, and that is what is reported. */
function rule({ marked }: CorpusOrigin, { rule: own, given }: CorpusSink): string {
  return !marked && given === "output" && (own === "secret-in-plain-field" || own.startsWith("env-")) ? "secret-in-state" : own;
}

const IMPORTS = `import { execSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import dgram from "node:dgram";
import dns from "node:dns";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
`;

function programText({ code }: CorpusOrigin, transformation: CorpusTransformation, sink: CorpusSink): string {
  const transformed = `secret.apply((it) => ${transformation.code})`;
  const value = { text: "", output: `  const value = ${transformed};\n`, bare: `  const value = pulumi.unsecret(${transformed});\n` }[
    sink.given
  ];
  const statement =
    sink.given === "text"
      ? `  const done = ${transformed}.apply(async (value) => {\n    ${sink.code}\n  });\n  await new Promise((resolve, reject) => void (done as any).promise(true).then(resolve, reject));\n`
      : `  ${sink.code}\n`;
  return `${IMPORTS}
export default async function program() {
  ${code}
${value}${sink.returned ? "" : statement}${sink.returned ? `  return {\n    ${sink.code}\n  };\n` : ""}}
`;
}
