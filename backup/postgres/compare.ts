/** Compares a restored database with the manifest of its backup. */
import type { Manifest, PostgresContents } from "../manifest.ts";

export interface CompareOptions {
  /** The restore left out owners and grants. */
  readonly withoutOwners?: boolean;
}

/** @returns one line for each difference; none if the database is the one that was backed up */
export function compareContents(
  was: PostgresContents,
  is: Omit<PostgresContents, "client">,
  { withoutOwners = false }: CompareOptions = {},
): string[] {
  return [
    ...compareBy(
      was.tables,
      is.tables,
      ({ name }) => `table ${name}`,
      (one, other) =>
        one.rows !== other.rows
          ? `${other.rows} rows instead of ${one.rows}`
          : one.checksum !== other.checksum
            ? `other values in its ${one.rows} rows`
            : undefined,
    ),
    ...compareBy(
      was.sequences,
      is.sequences,
      ({ name }) => `sequence ${name}`,
      (one, other) =>
        isBehind(one, other) ? `it is at ${other.value}, and was at ${one.value}: it would give out numbers again` : undefined,
    ),
    ...(was.largeObjects.count === is.largeObjects.count
      ? was.largeObjects.checksum === is.largeObjects.checksum
        ? []
        : ["large objects: other contents"]
      : [`large objects: ${is.largeObjects.count} instead of ${was.largeObjects.count}`]),
    ...compareBy(
      was.extensions,
      is.extensions,
      ({ name }) => `extension ${name}`,
      (one, other) => (one.schema === other.schema ? undefined : `in schema ${other.schema} instead of ${one.schema}`),
    ),
    ...compareSchema(was, is, withoutOwners),
  ];
}

function compareSchema(
  was: Pick<PostgresContents, "schema" | "server">,
  is: Pick<PostgresContents, "schema" | "server">,
  withoutOwners: boolean,
): string[] {
  // A newer version may print a definition in other words, so that only the objects can be compared.
  const sameMajor = was.server.major === is.server.major;
  const compared = (objects: PostgresContents["schema"]) =>
    objects.filter(
      (object) => !(withoutOwners && ["owner", "grants"].includes(object.kind)) && object.kind !== "extension" && !isOwnersDefault(object),
    );
  return compareBy(
    compared(was.schema),
    compared(is.schema),
    ({ kind, name }) => `${kind} ${name}`,
    (one, other) => {
      if (one.definition === other.definition || withoutCasts(one.definition) === withoutCasts(other.definition)) return undefined;
      if (!sameMajor && (WORDED_BY_VERSION.has(one.kind) || withoutMaintain(one.definition) === withoutMaintain(other.definition)))
        return undefined;
      return `"${shorten(other.definition)}" instead of "${shorten(one.definition)}"`;
    },
  );
}

/** What the owner of a schema may do if nothing is granted. A restore grants and revokes, which leaves it written out. */
const isOwnersDefault = ({ kind, name, definition }: PostgresContents["schema"][number]): boolean =>
  kind === "grants" && name.startsWith("schema ") && /^("?)(.+)\1=UC\/\1\2\1$/.test(definition);

/**
 * Postgres prints some expressions in other words once it has read what it printed: ('a'::varchar)::text inside an array becomes a cast of the array.
 * Names, values, operators and their order stay.
 */
const withoutCasts = (definition: string): string => definition.replace(/::[a-z_ ]+(\(\d+\))?(\[\])?/gi, "").replace(/[()\s]/g, "");

/** Postgres 17 adds the privilege MAINTAIN ("m") to those that an owner has. */
const withoutMaintain = (grants: string): string => grants.replace(/(=[a-zA-Z*]*?)m(?=[a-zA-Z*]*\/)/g, "$1");

/** Kinds whose definition is an expression or a query that the server prints. */
const WORDED_BY_VERSION = new Set([
  "relation",
  "function",
  "constraint",
  "index",
  "policy",
  "trigger",
  "rule",
  "statistics",
  "column",
  "type",
]);

const isBehind = (one: PostgresContents["sequences"][number], other: PostgresContents["sequences"][number]): boolean => {
  const [before, after] = [BigInt(one.value), BigInt(other.value)];
  const isDescending = one.increment.startsWith("-");
  return (isDescending ? after > before : after < before) || (one.called && !other.called && after === before);
};

function compareBy<T>(
  was: readonly T[],
  is: readonly T[],
  nameOf: (one: T) => string,
  differ: (one: T, other: T) => string | undefined,
): string[] {
  const [before, after] = [was, is].map((list) => new Map(list.map((one) => [nameOf(one), one])));
  return [...new Set([...before!.keys(), ...after!.keys()])].sort().flatMap((name) => {
    const [one, other] = [before!.get(name), after!.get(name)];
    const problem = one === undefined ? "it was not in the backup" : other === undefined ? "missing" : differ(one, other);
    return problem === undefined ? [] : [`${name}: ${problem}`];
  });
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}…` : text);

/** Roles that the backup names and the server does not have. */
export function missingRoles({ roles }: Pick<NonNullable<Manifest["postgres"]>, "roles">, existing: ReadonlySet<string>): string[] {
  return roles.map(({ name }) => name).filter((name) => !existing.has(name));
}
