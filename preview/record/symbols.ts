/**
 * What a provider would fill in, as words that name their resource: a host becomes `output-private-host-1f…`.
 *
 * A preview that left them unknown could not tell one cluster's address from another's, nor from where a secret comes.
 */
import { createHash } from "node:crypto";
import type { PlannedResource, Value } from "../../engine/plan.ts";

/**
 * Letters, digits and dashes only: fit for a host, a URL, a name, and never encoded. No output has a name longer than that, and a text of a
 * stranger's that never ends must not be looked through from each of its places to its end.
 */
export const SYMBOL = /output-([a-z][a-z0-9-]{0,40}?)-([0-9a-f]{12})/g;

export function symbol(urn: string, output: string): string {
  return `output-${output.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}-${mark(urn)}`;
}

/** A resource's part of its symbols. */
export function mark(urn: string): string {
  return createHash("sha256").update(urn).digest("hex").slice(0, 12);
}

/** As written in the program again: "private-host" is `privateHost`. */
export function outputName(part: string): string {
  return part.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** By the last part of a type. What is not listed has an id and nothing else. */
const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  App: ["liveUrl", "liveDomain", "defaultIngress", "activeDeploymentId", "appUrn"],
  DatabaseCluster: ["host", "privateHost", "user", "password", "uri", "privateUri", "uiUri", "uiPassword", "database", "clusterUrn"],
  DatabaseConnectionPool: ["host", "privateHost", "password", "uri", "privateUri"],
  DatabaseReplica: ["uuid", "host", "privateHost", "user", "password", "uri", "privateUri", "database"],
  DatabaseUser: ["password", "role", "accessCert", "accessKey"],
  Project: ["ownerUuid"],
  RandomBytes: ["base64", "hex"],
  RandomId: ["hex", "dec", "b64Std", "b64Url"],
  RandomPassword: ["result", "bcryptHash"],
  RandomPet: [],
  RandomString: ["result"],
  RandomUuid: ["result"],
  SpacesBucket: ["bucketUrn", "bucketDomainName", "endpoint"],
  SpacesKey: ["accessKey", "secretKey"],
  Vpc: ["vpcUrn"],
};

/** Of a kind that a word could not stand for: the program counts with them. */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  DatabaseCluster: { port: 25060 },
  DatabaseConnectionPool: { port: 25061 },
  DatabaseReplica: { port: 25060 },
};

/** DigitalOcean picks a range where none is asked for; the program reads it as one. */
const RANGE = "10.99.0.0/20";

export function symbolicOutputs({ urn, type, inputs, id, options }: PlannedResource): Readonly<Record<string, unknown>> {
  const kind = type.slice(type.lastIndexOf(":") + 1);
  const words = Object.hasOwn(OUTPUTS, kind) ? OUTPUTS[kind]! : [];
  return {
    id: id ?? options.importId ?? symbol(urn, "id"),
    ...Object.fromEntries(words.map((output) => [output, symbol(urn, output)])),
    ...NUMBERS[kind],
    ...(kind === "Vpc" ? { ipRange: inputs.ipRange ?? RANGE } : {}),
  };
}

/** A cluster's certificate belongs to the cluster; what else is looked up stays unknown. */
export function symbolicAnswer(token: string, args: Readonly<Record<string, Value>>): Readonly<Record<string, unknown>> | undefined {
  if (!token.endsWith(":getDatabaseCa")) return undefined;
  return { id: "ca", certificate: String(args.clusterId).replace(SYMBOL, (_, __, of) => `output-certificate-${of}`) };
}
