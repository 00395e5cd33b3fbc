/** Reads every byte of the copies of a backup again. With an identity, also decrypts them. */
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "../postdeploy/connect/failure.ts";
import { readArchive, readStored } from "./read.ts";
import { type Backup, formatBackup, type Repository, writeRecord } from "./repository.ts";
import type { SigningKey } from "./signature.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface VerifyOptions {
  readonly repository: Repository;
  readonly backup: Backup;
  /** Without them the stored bytes are compared, and not decrypted. */
  readonly identities?: readonly string[];
  /** Without one there is no record. */
  readonly signingKey?: SigningKey;
  readonly tool: string;
}

export interface Verified {
  readonly backup: string;
  readonly copies: readonly { readonly copy: string; readonly problem?: string }[];
  readonly decrypted: boolean;
  readonly seconds: number;
}

/** A record is written if all copies are intact. */
export async function verifyBackup({ repository, backup, identities, signingKey, tool }: VerifyOptions): Promise<Verified> {
  const start = performance.now();
  const copies: { copy: string; problem?: string }[] = [];
  for (const copy of repository.copies) {
    const problem = await findProblem(copy, backup, identities);
    copies.push({ copy: copy.name, ...(problem === undefined ? {} : { problem }) });
  }
  const seconds = Math.round(performance.now() - start) / 1000;
  const isIntact = copies.every(({ problem }) => problem === undefined);
  if (isIntact && signingKey) {
    const copy = copies.map(({ copy: name }) => name).join(", ");
    await writeRecord(repository, backup, { kind: "verified", seconds, copy, tool }, signingKey);
  }
  return { backup: formatBackup(backup), copies, decrypted: identities !== undefined, seconds };
}

async function findProblem(
  copy: ObjectStore,
  { manifest, copies }: Pick<Backup, "manifest" | "copies">,
  identities: readonly string[] | undefined,
): Promise<string | undefined> {
  if (!copies.includes(copy)) return "it does not have this backup, or a part of it is missing";
  try {
    const data = identities ? await readArchive(copy, manifest, identities) : await readStored(copy, manifest);
    await pipeline(data, discard());
    return undefined;
  } catch (error) {
    const isOther = error instanceof Failure && error.code === "wrong-identity";
    if (!isOther) return (error as Error).message;
    // A damaged head of the data looks like another recipient.
    const problem = await findProblem(copy, { manifest, copies }, undefined);
    if (problem === undefined) throw error;
    return problem;
  }
}

const discard = () => new Writable({ write: (_chunk, _encoding, done) => done() });
