/**
 * The last step of a deployment: verifies a system as `slipway verify` does, and fails the `up` with the checks that failed. The apps stay deployed.
 *
 * Its methods are those of a Pulumi dynamic provider on plain data, without importing Pulumi.
 */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { type Inputs, type StepKind, target } from "../../postdeploy/step.ts";
import { runStep } from "../../postdeploy/steps.ts";
import type { System } from "../../systems/definition.ts";
import { openApi } from "../recover/api.ts";
import { verifyPatiently } from "./patience.ts";
import { describeResult, summarize } from "./step-text.ts";
import type { VerifySubject } from "./verify.ts";

/** @param patienceMs How long a check that fails is repeated. @default that of `slipway verify` after a rollback */
export const createVerification = (patienceMs?: number): StepKind => ({
  identity: ({ mode, suffix, definition, apps, files, url, stores }) => ({
    ...{ mode, suffix, definition, apps, files: digestsOf(files), target: target(url) },
    stores: Object.fromEntries(Object.entries(storesOf(stores)).map(([store, { url }]) => [store, target(url)])),
  }),
  pending,
  apply: (inputs, signal) => apply(inputs, signal, patienceMs),
});

const Verification = createVerification();

/** Does one step's method (`step("Verification", "create", inputs)`) and resolves to what a dynamic provider answers. */
export async function step(kind: string, method: string, ...args: readonly unknown[]): Promise<unknown> {
  if (kind !== "Verification")
    throw new Error(`Unknown step "${kind}". Known steps: Verification. If a newer slipway wrote the state, update slipway.`);
  return await runStep(kind, Verification, method, args);
}

/** "verification after the deployment, because of app api, migrations" */
function pending(olds: Inputs, news: Inputs): string {
  if (Object.keys(olds).length === 0) return "verification after the deployment";
  const changed = [
    ...changedKeys(olds.apps, news.apps).map((app) => `app ${app}`),
    ...changedKeys(digestsOf(olds.files), digestsOf(news.files)),
    ...(olds.definition === news.definition ? [] : ["the definition"]),
    ...(olds.mode === news.mode ? [] : ["the setting verify"]),
  ];
  return changed.length === 0 ? "nothing" : `verification after the deployment, because of ${changed.join(", ")}`;
}

function changedKeys(before: unknown, after: unknown): string[] {
  const [old, now] = [(before ?? {}) as Inputs, (after ?? {}) as Inputs];
  return [...new Set([...Object.keys(now), ...Object.keys(old)])].filter((key) => old[key] !== now[key]).sort();
}

/** A deployment may still be running: a push to the repository starts one at any time. */
const WAIT_MS = 15 * 60_000;
async function apply(inputs: Inputs, signal?: AbortSignal, patienceMs?: number): Promise<Record<string, unknown>> {
  const subject = subjectOf(inputs);
  // `npm start` waits for every health path itself, and has no account.
  if (subject === undefined) return { checks: [], notices: [`${inputs.system}: not verified, because this run has no account`] };
  const checks = await verifyPatiently(subject, { waitMs: WAIT_MS, bench: false }, { signal, patienceMs });
  const failed = checks.filter(({ outcome }) => outcome === "failed");
  const about = { system: subject.system, stack: String(inputs.stack), checks };
  if (failed.length > 0 && inputs.mode === "fail") throw new Failure("verification", 1, describeResult(about));
  return {
    checks: checks.map(({ outcome, kind, subject }) => `${outcome} ${kind} ${subject}`),
    notices: [failed.length > 0 ? describeResult(about) : summarize(about)],
  };
}

const DIGITALOCEAN = "https://api.digitalocean.com";

/** @returns undefined without an account */
function subjectOf({ account, definition, stack, suffix, isLocal, url, ca, cluster, stores, files }: Inputs): VerifySubject | undefined {
  const { endpoint = DIGITALOCEAN, token } = (account ?? {}) as { readonly endpoint?: string; readonly token?: string };
  if (token === undefined) return undefined;
  // The part of the definition that verification reads, as the program wrote it.
  const system = JSON.parse(String(definition)) as System;
  const { migrations, keyspaces } = files as Files;
  return {
    ...{ system, api: openApi({ endpoint, token }), account: `The account of stack ${stack}`, suffix: String(suffix) },
    isLocal: isLocal === true,
    database: { cluster: String(cluster), owner: { url: String(url), ...(ca === undefined ? {} : { ca: String(ca) }) } },
    stores: new Map(Object.entries(storesOf(stores))),
    folders: { migrations: migrations.folder, keyspaces: keyspaces?.folder ?? "" },
    readBackups: async () => [
      { kind: "backups", subject: `${system.name}/backups`, outcome: "skipped", evidence: "slipway backup status looks at them" },
    ],
  };
}

interface Files {
  readonly migrations: { readonly folder: string; readonly digest: string };
  readonly keyspaces?: { readonly folder: string; readonly digest: string };
}

function digestsOf(files: unknown): Inputs {
  return Object.fromEntries(Object.entries((files ?? {}) as Files).map(([kind, { digest }]) => [kind, digest]));
}

const storesOf = (stores: unknown) =>
  (stores ?? {}) as Readonly<Record<string, { readonly url: string; readonly ca: string; readonly cluster: string }>>;
