/** The databases that an app connects to, from the URLs in its variables, without the logins. */
export interface DatabaseTarget {
  readonly port: number;
  /** The name of a Postgres database, or the number of a Valkey database. */
  readonly database: string;
}

export function findDatabaseTargets(values: readonly string[]): DatabaseTarget[] {
  const found = values.flatMap((value) => {
    if (!/^(postgres(ql)?(\+\w+)?|rediss):\/\//.test(value) || !URL.canParse(value)) return [];
    const { port, pathname } = new URL(value);
    return [{ port: Number(port), database: pathname.slice(1) }];
  });
  const unique = new Map(found.map((target) => [`${target.port}/${target.database}`, target]));
  return [...unique.values()].sort((a, b) => a.port - b.port || (a.database < b.database ? -1 : 1));
}

export const formatDatabase = (database: string): string => (/^\d+$/.test(database) ? `keyspace ${database}` : database);

/** A database that an app uses both directly and through a pool is listed once. */
export const formatTargets = (targets: readonly DatabaseTarget[]): string =>
  [...new Set(targets.map(({ database }) => formatDatabase(database)))].join(", ");
