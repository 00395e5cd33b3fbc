/** Trusted sources. A cluster without any accepts connections from every address, and DigitalOcean does not document that a fork has its source's. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient, Json } from "../recover/api.ts";
import { RecoverError } from "../recover/error.ts";
import type { Writer } from "./writer.ts";

export interface TrustedSource {
  readonly type: string;
  readonly value: string;
  readonly description?: string;
}

/** @returns undefined if the API returns no list, which is not the same as an empty one */
export async function readTrustedSources(api: ApiClient, cluster: string): Promise<readonly TrustedSource[] | undefined> {
  const reply = await api.get(`/v2/databases/${cluster}/firewall`);
  // Go writes an empty list as null.
  const rules = reply?.rules === null ? [] : reply?.rules;
  if (!Array.isArray(rules)) return undefined;
  return (rules as readonly Json[]).map(({ type, value, description }) => ({
    type: String(type),
    value: String(value),
    ...(typeof description === "string" && description !== "" ? { description } : {}),
  }));
}

export type Applied = { readonly done: true } | { readonly done: false; readonly reason: string };

/**
 * Replaces the list, and reads it again: only what the API then returns counts. DigitalOcean may refuse this while the cluster is being created, so the
 * caller repeats it.
 */
export async function setTrustedSources(
  cluster: string,
  rules: readonly TrustedSource[],
  { api, writer }: { readonly api: ApiClient; readonly writer: Writer },
): Promise<Applied> {
  const refusal = await sendRules();
  const actual = await readTrustedSources(api, cluster);
  if (actual !== undefined && isSame(actual, rules)) return { done: true };
  return { done: false, reason: refusal ?? `the cluster has ${actual === undefined ? "no list yet" : formatSources(actual)}` };

  /** @returns why it may not be done */
  async function sendRules(): Promise<string | undefined> {
    try {
      const outcome = await writer.send("PUT", `/v2/databases/${cluster}/firewall`, { rules });
      if (outcome.kind === "refused") return outcome.message || `status ${outcome.status}`;
      return outcome.kind === "unknown" ? outcome.reason : undefined;
    } catch (error) {
      if (error instanceof RecoverError) return error.message.replace(/\.$/, "");
      throw error;
    }
  }
}

export const isSame = (some: readonly TrustedSource[], others: readonly TrustedSource[]): boolean =>
  JSON.stringify(some.map(formatSource).sort()) === JSON.stringify(others.map(formatSource).sort());

/** "app:1f2e…", as doctl takes it. */
export const formatSource = ({ type, value }: TrustedSource): string => `${type}:${value}`;

export const formatSources = (rules: readonly TrustedSource[]): string =>
  rules.length === 0 ? "none, so every address can connect" : rules.map(formatSource).join(", ");

/** The cluster exists, and is reachable from more addresses than its source. */
export function openClusterFailure(cluster: string, rules: readonly TrustedSource[], reason: string): Failure {
  return new Failure(
    "trusted-sources",
    1,
    `The new cluster ${cluster} does not have the trusted sources of its source, so addresses may reach it that must not: ${reason}. Set them at once, or delete the cluster:\n` +
      `  doctl databases firewalls replace ${cluster} --rule ${rules.map(formatSource).join(",")}\n  doctl databases delete ${cluster}`,
  );
}
