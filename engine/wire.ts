/** Converts property values between Pulumi's protocol and a Plan. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Asset, Reference, Secret, Unknown, type Value } from "./plan.ts";

/** The key whose value gives an object's kind; the signatures are part of Pulumi's protocol. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
const REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Wire = null | boolean | number | string | readonly Wire[] | { readonly [key: string]: Wire };
export type WireProperties = { readonly [key: string]: Wire };

/** @param directory Relative paths of file assets start here. */
export function decode(wire: Wire | undefined, directory: string): Value {
  if (wire === undefined) return null;
  if (wire === UNKNOWN) return new Unknown();
  if (wire === null || typeof wire !== "object") return wire;
  if (isList(wire)) return wire.map((item) => decode(item, directory));
  switch (wire[SIGNATURE]) {
    case undefined:
      return decodeProperties(wire, directory);
    case SECRET:
      return new Secret(decode(wire.value, directory));
    case OUTPUT: {
      const value = wire.value === undefined ? new Unknown() : decode(wire.value, directory);
      return wire.secret === true ? new Secret(value) : value;
    }
    case REFERENCE:
      return new Reference(String(wire.urn));
    case ASSET:
      return new Asset("asset", contentHash(wire, directory), typeof wire.text === "string" ? wire.text : undefined, addressOf(wire));
    case ARCHIVE:
      return new Asset("archive", contentHash(wire, directory), undefined, contentsOf(wire));
    default:
      throw new Error(`Pulumi's SDK sent an unknown kind of value: ${JSON.stringify(wire[SIGNATURE])}.`);
  }
}

export function decodeProperties(wire: WireProperties, directory: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(wire).map(([key, value]) => [key, decode(value, directory)]));
}

/** Plain values stay as they are, marks become those of the protocol; undefined properties are left out. */
export function encode(value: unknown): Wire {
  if (value instanceof Secret) return secretWire(encode(value.value));
  if (value instanceof Unknown) return UNKNOWN;
  if (value instanceof Reference) return { [SIGNATURE]: REFERENCE, urn: value.urn, id: "" };
  if (Array.isArray(value)) return value.map(encode);
  if (value !== null && typeof value === "object") return encodeProperties(value as Readonly<Record<string, unknown>>);
  return (value ?? null) as Wire;
}

export function encodeProperties(values: Readonly<Record<string, unknown>>): WireProperties {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, encode(value)]),
  );
}

export function secretWire(value: Wire): Wire {
  return { [SIGNATURE]: SECRET, value };
}

export function isSecret(wire: Wire | undefined): boolean {
  return typeof wire === "object" && wire !== null && !isList(wire) && wire[SIGNATURE] === SECRET;
}

// Array.isArray does not narrow readonly arrays.
function isList(wire: Wire): wire is readonly Wire[] {
  return Array.isArray(wire);
}

const addressOf = ({ uri }: WireProperties): readonly string[] => (typeof uri === "string" && uri !== "" ? [uri] : []);

function contentsOf(wire: WireProperties): readonly string[] {
  const inner = wire.assets !== null && typeof wire.assets === "object" && !isList(wire.assets) ? Object.entries(wire.assets) : [];
  return [
    ...addressOf(wire),
    ...inner.flatMap(([name, asset]) => [
      name,
      ...(typeof (asset as WireProperties).text === "string" ? [String((asset as WireProperties).text)] : []),
      ...contentsOf(asset as WireProperties),
    ]),
  ];
}

/** The hash of the content when it is local, so that a changed file changes the plan; otherwise of the address. */
function contentHash(wire: WireProperties, directory: string): string {
  const hash = createHash("sha256");
  if (typeof wire.text === "string") hash.update(wire.text);
  else if (typeof wire.path === "string") addPath(path.resolve(directory, wire.path), "");
  else if (wire.assets && typeof wire.assets === "object") {
    for (const [name, asset] of Object.entries(wire.assets).sort(byKey)) {
      hash.update(`${name}\0${contentHash(asset as WireProperties, directory)}\0`);
    }
  } else hash.update(String(wire.uri));
  return hash.digest("hex");

  function addPath(file: string, name: string): void {
    if (lstatSync(file).isDirectory()) {
      for (const entry of readdirSync(file).sort()) addPath(path.join(file, entry), `${name}/${entry}`);
    } else {
      hash.update(`${name}\0`).update(readFileSync(file));
    }
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
