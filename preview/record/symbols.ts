/**
 * Symbols in place of provider outputs, each of which names its resource: a host becomes `output-private-host-1f…`.
 *
 * With unknown outputs, a preview could not distinguish the addresses of two clusters or find the origin of a secret.
 */
import { createHash } from "node:crypto";
import type { PlannedResource, Value } from "../../engine/plan.ts";

/**
 * Letters, digits and dashes only: valid in a host, a URL and a name, and never encoded. The name has a length limit, so that matching a long
 * untrusted text stays linear.
 */
export const SYMBOL = /output-([a-z][a-z0-9-]{0,40}?)-([0-9a-f]{12})/g;

export function symbol(urn: string, output: string): string {
  return `output-${output.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}-${mark(urn)}`;
}

/** The part of a symbol that identifies the resource. */
export function mark(urn: string): string {
  return createHash("sha256").update(urn).digest("hex").slice(0, 12);
}

/** "private-host" becomes `privateHost`. */
export function outputName(part: string): string {
  return part.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** By the last part of a type. Other types have only an id. */
const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  App: ["liveUrl", "liveDomain", "defaultIngress", "activeDeploymentId", "appUrn"],
  Cdn: ["endpoint"],
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

/** Numeric outputs, with which a program can compute. */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  DatabaseCluster: { port: 25060 },
  DatabaseConnectionPool: { port: 25061 },
  DatabaseReplica: { port: 25060 },
};

/** DigitalOcean picks a range if the program sets none, and the program can parse it. */
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

/** The certificate of a cluster is a symbol of it. Other invokes stay unknown. */
export function symbolicInvoke(token: string, args: Readonly<Record<string, Value>>): Readonly<Record<string, unknown>> | undefined {
  if (!token.endsWith(":getDatabaseCa")) return undefined;
  return { id: "ca", certificate: String(args.clusterId).replace(SYMBOL, (_, __, of) => `output-certificate-${of}`) };
}
