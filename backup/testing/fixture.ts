/** Copies, keys and databases for the tests of backups. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findHome } from "../../local/servers/home.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { type Created, createBackup } from "../create.ts";
import { generateIdentity, identityToRecipient } from "../encryption.ts";
import type { DataSet } from "../names.ts";
import { findPostgresClients } from "../postgres/clients.ts";
import { restorePostgres } from "../postgres/restore.ts";
import { openPostgresSource } from "../postgres/source.ts";
import { readArchive } from "../read.ts";
import type { Backup, Repository } from "../repository.ts";
import { generateSigningKey, parseSigningKey, type SigningKey } from "../signature.ts";
import { openFolder } from "../store/folder.ts";
import type { ObjectStore } from "../store/object-store.ts";

export const SET: DataSet = { system: "shop", part: "postgres" };
export const TOOL = "slipway test";
export const clients = (major: number) => findPostgresClients(major, findHome(process.cwd()));

const folders: string[] = [];
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway backup "));
  folders.push(folder);
  return folder;
}
export const removeFolders = (): void => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
};

export interface TestRepository extends Repository {
  readonly copies: readonly [ObjectStore, ...ObjectStore[]];
  readonly folders: readonly string[];
  readonly identity: string;
  readonly recipient: string;
  readonly signingKey: SigningKey;
}

/** One copy in a folder for each name. */
export async function createRepository(count = 1): Promise<TestRepository> {
  const created = Array.from({ length: count }, temporaryFolder);
  const [first, ...rest] = created.map(openFolder);
  return { ...(await createTestKeys()), copies: [first!, ...rest], folders: created };
}

export async function createTestKeys() {
  const identity = await generateIdentity();
  const signingKey = parseSigningKey(generateSigningKey().signingKey);
  return { identity, recipient: await identityToRecipient(identity), signingKey, verifyKeys: [signingKey.publicKey] };
}

type Keys = Pick<TestRepository, "identity" | "recipient" | "signingKey">;

export function backUp(
  repository: Repository & Keys,
  connection: Connection,
  set: DataSet = SET,
  findClients: typeof clients = clients,
): Promise<Created> {
  const { signingKey, recipient } = repository;
  return createBackup({
    ...{ repository, set, signingKey, recipients: [recipient], tool: TOOL },
    openSource: () => openPostgresSource(connection, findClients),
  });
}

interface RestoreInto {
  readonly server: Connection;
  readonly database: string;
  readonly jobs?: number;
  readonly createRoles?: boolean;
}

export function restoreInto(
  { identity }: Pick<Keys, "identity">,
  { manifest, copies }: Pick<Backup, "manifest" | "copies">,
  { server, database, ...options }: RestoreInto,
) {
  return restorePostgres({ server, database, contents: manifest.postgres!, findClients: clients, ...options }, () =>
    readArchive(copies[0]!, manifest, [identity]),
  );
}
