/** Copies and keys of a command: from flags and the environment, or those of the local platform. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { generateIdentity, identityToRecipient, parseIdentities, parseRecipients } from "../../backup/encryption.ts";
import type { Repository } from "../../backup/repository.ts";
import { generateSigningKey, parseSigningKey, parseVerifyKey, type SigningKey } from "../../backup/signature.ts";
import { openStore } from "../../backup/store/location.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { findProject } from "../../engine/project.ts";
import { findHome, type Home } from "../../local/servers/home.ts";
import { UsageError } from "../shared/errors.ts";
import { version } from "../shared/version.ts";
import type { BackupOptions } from "./flags.ts";

export interface BackupEnvironment {
  readonly repository: Repository;
  readonly home: Home;
  /** "slipway 1.2.0" */
  readonly tool: string;
  /** Whether the copies are those of the local platform. */
  readonly isLocal: boolean;
  recipients(given?: readonly string[]): readonly string[];
  signingKey(): SigningKey;
  /** @param file of --identity */
  identities(file: string | undefined): readonly string[];
}

export async function openEnvironment(options: BackupOptions): Promise<BackupEnvironment> {
  const home = findHome(projectRoot());
  const tool = `slipway ${version()}`;
  const { store = variable("store"), offsite = variable("offsite") } = options;
  if (store === undefined) {
    if (offsite !== undefined)
      throw new UsageError(`--offsite is a second copy. Where is the first? Use --store, or set ${BACKUP_VARIABLES.store}.`);
    return await openLocal(home, tool);
  }
  const signing = variable("signingKey");
  const key = signing === undefined ? undefined : parseSigningKey(signing);
  const verifyKeys = [
    ...(variable("verifyKeys") ?? "")
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(parseVerifyKey),
    ...(key ? [key.publicKey] : []),
  ];
  if (verifyKeys.length === 0)
    throw new UsageError(
      `Whose backups count? Set ${BACKUP_VARIABLES.verifyKeys} to the verify key, or ${BACKUP_VARIABLES.signingKey}. To create keys: slipway backup keys --out backup-key.txt`,
    );
  const first = await openStore(locationOf(store, "storeKey"));
  const copies = [first, ...(offsite === undefined ? [] : [await openStore(locationOf(offsite, "offsiteKey"))])] as const;
  return {
    repository: { copies, verifyKeys },
    ...{ home, tool, isLocal: false },
    recipients: (given) => parseRecipients((given ?? [variable("recipients") ?? ""]).join(" ")),
    signingKey() {
      if (key) return key;
      throw new UsageError(
        `Set ${BACKUP_VARIABLES.signingKey}: a backup that is not signed does not count. To create keys: slipway backup keys --out backup-key.txt`,
      );
    },
    identities(file) {
      if (file === undefined) throw new UsageError("Which key decrypts the backups? --identity <file of the age secret key>");
      return readIdentities(file);
    },
  };
}

/** Keys and backups of a laptop are for practice. Both are removed with the platform's data. */
async function openLocal(home: Home, tool: string): Promise<BackupEnvironment> {
  const file = path.join(home.state, "backup-keys", "keys.json");
  if (!existsSync(file)) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify({ identity: await generateIdentity(), ...generateSigningKey() }, null, 2), { mode: 0o600 });
  }
  const { identity, signingKey } = JSON.parse(readFileSync(file, "utf8")) as { readonly identity: string; readonly signingKey: string };
  const recipient = await identityToRecipient(identity);
  const key = parseSigningKey(signingKey);
  return {
    repository: { copies: [await openStore({ url: path.join(home.state, "backups") })], verifyKeys: [key.publicKey] },
    ...{ home, tool, isLocal: true },
    recipients: (given) => parseRecipients((given ?? [recipient]).join(" ")),
    signingKey: () => key,
    identities: (given) => (given === undefined ? [identity] : readIdentities(given)),
  };
}

export const variable = (name: keyof typeof BACKUP_VARIABLES): string | undefined => process.env[BACKUP_VARIABLES[name]] || undefined;

function locationOf(url: string, key: "storeKey" | "offsiteKey") {
  const value = variable(key);
  return { url, ...(value === undefined ? {} : { key: value }) };
}

function readIdentities(file: string): string[] {
  try {
    return parseIdentities(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new UsageError(`The identity file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function projectRoot(): string {
  try {
    return findProject(process.cwd()).root;
  } catch {
    // Backups of a database need no project.
    return process.cwd();
  }
}

export interface NewKeys {
  readonly identity: string;
  readonly recipient: string;
  readonly signingKey: string;
  readonly verifyKey: string;
}

export async function generateKeys(): Promise<NewKeys> {
  const identity = await generateIdentity();
  return { identity, recipient: await identityToRecipient(identity), ...generateSigningKey() };
}
