/** Where an app's variables lead: read from the very URLs that its processes are given, and without the logins in them. */
export interface DatabaseTarget {
  readonly port: number;
  /** A database, or the number of one. */
  readonly database: string;
}

export function findDatabaseTargets(values: readonly string[]): DatabaseTarget[] {
  const found = values.flatMap((value) => {
    if (!/^(postgres(ql)?(\+\w+)?|rediss):\/\//.test(value) || !URL.canParse(value)) return [];
    const { port, pathname } = new URL(value);
    return [{ port: Number(port), database: pathname.slice(1) }];
  });
  const unlike = new Map(found.map((lead) => [`${lead.port}/${lead.database}`, lead]));
  return [...unlike.values()].sort((a, b) => a.port - b.port || (a.database < b.database ? -1 : 1));
}

export const formatDatabase = (database: string): string => (/^\d+$/.test(database) ? `keyspace ${database}` : database);

/** A database that is reached directly and through a pool is one name. */
export const formatTargets = (leads: readonly DatabaseTarget[]): string =>
  [...new Set(leads.map(({ database }) => formatDatabase(database)))].join(", ");
