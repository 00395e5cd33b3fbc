/** Copies and keys of a command: from flags and the environment, or those of the local platform. */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { generateIdentity, identityToRecipient, parseIdentities, parseRecipients } from "../../backup/encryption.ts";
import type { Repository } from "../../backup/repository.ts";
import { generateSigningKey, parseSigningKey, parseVerifyKey, type SigningKey } from "../../backup/signature.ts";
import { openStore } from "../../backup/store/location.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { findProject } from "../../engine/project.ts";
import { findHome, type Home } from "../../local/servers/home.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
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

/** @param home Of the local platform. @default that of this project */
export async function openEnvironment(options: BackupOptions, home: Home = findHome(projectRoot())): Promise<BackupEnvironment> {
  const tool = `slipway ${version()}`;
  const store = options.store ?? variable("store");
  // --store names the only copy: the other one is often the one that is lost.
  const offsite = options.offsite ?? (options.store === undefined ? variable("offsite") : undefined);
  if (store === undefined) {
    if (offsite !== undefined)
      throw new UsageError(
        `${options.offsite === undefined ? BACKUP_VARIABLES.offsite : "--offsite"} is the address of a second copy, and there is no first one. Set ${BACKUP_VARIABLES.store}, or use --store.`,
      );
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
      `There is no key to check the signatures of backups with. Set ${BACKUP_VARIABLES.verifyKeys}, or ${BACKUP_VARIABLES.signingKey} where backups are made. To create keys: slipway backup keys --out backup-key.txt`,
    );
  const first = await openStore(locationOf(store, store === variable("offsite") ? "offsiteKey" : "storeKey"));
  const copies = [first, ...(offsite === undefined ? [] : [await openStore(locationOf(offsite, "offsiteKey"))])] as const;
  if (store === offsite || copies[0].name === copies[1]?.name)
    throw new UsageError(`Both copies are in ${first.name}, so that both can be lost at once. Use another place for the second one.`);
  return {
    repository: { copies, verifyKeys },
    ...{ home, tool, isLocal: false },
    recipients: (given) => parseRecipients((given ?? [variable("recipients") ?? ""]).join(" ")),
    signingKey() {
      if (key) return key;
      throw new UsageError(
        `Set ${BACKUP_VARIABLES.signingKey}: backups and rehearsals are signed, so that a manifest that another program wrote is not trusted. To create keys: slipway backup keys --out backup-key.txt`,
      );
    },
    identities(file) {
      if (file === undefined)
        throw new UsageError(
          "Which key decrypts the backups? --identity <file>, the file with the age secret key that `slipway backup keys` wrote",
        );
      return readIdentities(file);
    },
  };
}

/** Keys and backups of a laptop are for practice. Both are removed with the platform's data. */
async function openLocal(home: Home, tool: string): Promise<BackupEnvironment> {
  const file = path.join(home.state, "backup-keys", "keys.json");
  if (!existsSync(file)) await createLocalKeys(file);
  const { identity, signingKey } = readLocalKeys(file);
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

/** Another process that creates them at the same time has the same keys afterwards. */
async function createLocalKeys(file: string): Promise<void> {
  const keys = JSON.stringify({ identity: await generateIdentity(), ...generateSigningKey() }, null, 2);
  const unfinished = `${file}.${process.pid}`;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(unfinished, keys, { mode: 0o600 });
  try {
    // Unlike a rename, a link fails if the name is taken.
    linkSync(unfinished, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

function readLocalKeys(file: string): { readonly identity: string; readonly signingKey: string } {
  try {
    return z.object({ identity: z.string(), signingKey: z.string() }).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new UsageError(
      `${file}, the keys of the backups on this machine, cannot be read: ${error instanceof SyntaxError || error instanceof z.ZodError ? "it is damaged" : (error as Error).message}. If you do not need those backups, remove the file and ${path.join(path.dirname(path.dirname(file)), "backups")}.`,
    );
  }
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
    if (error instanceof Failure || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new UsageError(
      `The identity file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Name the file that \`slipway backup keys\` wrote.`,
    );
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

export interface WrittenKeys {
  /** Has the secret key that decrypts. */
  readonly identityFile: string;
  /** Has the variables of the machine that makes backups, with the signing key. */
  readonly variablesFile: string;
  readonly recipient: string;
  readonly verifyKey: string;
}

/** Writes new keys to `file` and `file`.env, which must not exist. */
export async function writeKeys(file: string): Promise<WrittenKeys> {
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  const { signingKey, verifyKey } = generateSigningKey();
  const variablesFile = `${file}.env`;
  const createdAt = `# created: ${new Date().toISOString()}`;
  if (existsSync(variablesFile)) throw fileExists(variablesFile);
  writeNew(file, [createdAt, `# public key: ${recipient}`, identity]);
  writeNew(variablesFile, [
    `${createdAt} by slipway backup keys. SLIPWAY_BACKUP_SIGNING_KEY is secret.`,
    `${BACKUP_VARIABLES.recipients}=${recipient}`,
    `${BACKUP_VARIABLES.signingKey}=${signingKey}`,
    `${BACKUP_VARIABLES.verifyKeys}=${verifyKey}`,
  ]);
  return { identityFile: file, variablesFile, recipient, verifyKey };
}

function writeNew(file: string, lines: readonly string[]): void {
  try {
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "EEXIST"
      ? fileExists(file)
      : new UsageError(`${file} cannot be written (${code}). Name a file in a folder that exists and that you may write to.`);
  }
}

const fileExists = (file: string) => new UsageError(`${file} exists, and may be the only key of older backups. Name another file.`);
