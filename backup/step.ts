/**
 * The step of a deployment that makes sure that there is a backup, before migrations, seeds and another version of the applications change the data.
 * It runs when one of them changes, and the deployment stops if it fails.
 */
import { findHome, type Home } from "../local/servers/home.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { StoreAddress } from "../postdeploy/keyspaces/wire/target.ts";
import { type Inputs, type StepKind, target } from "../postdeploy/step.ts";
import { runStep } from "../postdeploy/steps.ts";
import type { Source } from "./create.ts";
import { parseRecipients } from "./encryption.ts";
import { type Ensured, ensureBackup, type SourceState } from "./ensure.ts";
import type { DataSet } from "./names.ts";
import { findPostgresClients } from "./postgres/clients.ts";
import { inspectPostgres, openPostgresSource } from "./postgres/source.ts";
import type { Repository } from "./repository.ts";
import { parseSigningKey, parseVerifyKey } from "./signature.ts";
import { openStore } from "./store/location.ts";
import { toolName } from "./tool.ts";
import { inspectValkey, openValkeySource } from "./valkey/source.ts";

/** What a change of would need a backup, by its name in a preview, as a digest. */
type Reasons = Readonly<Record<string, string>>;

const Backup: StepKind = {
  identity: ({ reasons, url, stores }) => ({
    reasons,
    target: target(url),
    stores: Object.fromEntries(Object.entries(addressesOf(stores)).map(([store, address]) => [store, target(address.url)])),
  }),
  findDrift: findUnapplied,
  pending,
  apply,
};

/** A preview on a machine without access to the database does not wait for longer. */
const PREVIEW_TIMEOUT_MS = 3000;

/** Does one step's method (`step("Backup", "create", inputs)`) and resolves to what a dynamic provider answers. */
export async function step(kind: string, method: string, ...args: readonly unknown[]): Promise<unknown> {
  if (kind !== "Backup")
    throw new Error(`Unknown step of backups "${kind}". Known steps: Backup. If a newer slipway wrote the state, update slipway.`);
  return await runStep(kind, Backup, method, args);
}

/** "a verified backup first, because of applications, migrations" */
function pending(olds: Inputs, news: Inputs): string {
  const changed = changedReasons(olds, news);
  if (changed.length > 0) return `a verified backup first, because of ${changed.join(", ")}`;
  const unapplied = (news.drift ?? []) as readonly string[];
  return unapplied.length === 0
    ? "nothing"
    : `a verified backup first, because migrations of the last run are not applied: ${unapplied.join(", ")}`;
}

function changedReasons(olds: Inputs, news: Inputs): string[] {
  const [before, after] = [(olds.reasons ?? {}) as Reasons, (news.reasons ?? {}) as Reasons];
  return [...new Set([...Object.keys(after), ...Object.keys(before)])].filter((reason) => before[reason] !== after[reason]).sort();
}

/**
 * Migrations that failed after the backup was made for them. The next run applies them, perhaps days later, and its reasons are the same: without this
 * it would make no backup.
 */
async function findUnapplied(news: Inputs, olds: Inputs): Promise<readonly string[]> {
  if (changedReasons(olds, news).length > 0) return [];
  const [{ open }, { readFolder }, { compareToLedger }, { LedgerTable, readLedger }] = await Promise.all([
    import("../postdeploy/connect/session.ts"),
    import("../postdeploy/migrate/read/files.ts"),
    import("../postdeploy/migrate/ledger/compare.ts"),
    import("../postdeploy/migrate/ledger/ledger.ts"),
  ]);
  const connection: Connection = { url: String(news.url), ca: String(news.ca) };
  try {
    const folder = readFolder(String(news.migrations));
    const session = await open(connection, { application: "slipway backup", connectTimeoutMs: PREVIEW_TIMEOUT_MS });
    try {
      const ledger = await readLedger(session, new LedgerTable(), String(news.system));
      return compareToLedger(folder, ledger).pending.map(({ file }) => file.name);
    } finally {
      await session.end();
    }
  } catch {
    // The migrations step reports what is wrong with the files or the database.
    return [];
  }
}

async function apply(inputs: Inputs, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const { system, recipients, verifyKeys = [], maxAgeHours } = inputs;
  const { copies, signingKey: keyText } = inputs.repository as { copies: readonly { url: string; key: string }[]; signingKey: string };
  const signingKey = parseSigningKey(keyText);
  const [first, ...others] = await Promise.all(copies.map(openStore));
  const repository: Repository = {
    copies: [first!, ...others],
    verifyKeys: [signingKey.publicKey, ...(verifyKeys as readonly string[]).map(parseVerifyKey)],
  };
  const common = {
    ...{ repository, signingKey, tool: toolName(), maxAgeHours: Number(maxAgeHours) },
    ...{ recipients: parseRecipients((recipients as readonly string[]).join(" ")), ...(signal && { signal }) },
  };
  const ensured: Ensured[] = [];
  for (const source of sourcesOf(inputs, findHome(process.cwd()))) ensured.push(await ensureBackup({ ...common, ...source }));
  return {
    backups: ensured.flatMap(({ backup }) => backup ?? []),
    notices: ensured.flatMap(({ outcome, backup }) => (outcome === "made" ? [`Made ${backup} before anything changed`] : [])),
    system: String(system),
  };
}

interface StepSource {
  readonly set: DataSet;
  readonly inspect: () => Promise<SourceState>;
  readonly openSource: () => Promise<Source>;
}

function sourcesOf({ system, url, ca, stores }: Inputs, home: Home): StepSource[] {
  const connection: Connection = { url: String(url), ca: String(ca) };
  return [
    {
      set: { system: String(system), part: "postgres" },
      inspect: () => inspectPostgres(connection),
      openSource: () => openPostgresSource(connection, (major) => findPostgresClients(major, home)),
    },
    ...Object.entries(addressesOf(stores)).map(([store, address]) => ({
      set: { system: String(system), part: `valkey-${store}` },
      inspect: () => inspectValkey(address),
      openSource: () => openValkeySource(address),
    })),
  ];
}

const addressesOf = (stores: unknown) => (stores ?? {}) as Readonly<Record<string, StoreAddress>>;
