/** A database for one planted fault: examined, repaired by the next step of the finding, and examined again. */
import { expect } from "vitest";
import { open, type Session } from "../../../postdeploy/connect/session.ts";
import type { Connection } from "../../../postdeploy/connect/target.ts";
import type { TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { DEFAULT_THRESHOLDS, EVERYTHING, type Examination, type Finding, type Thresholds } from "../finding.ts";
import { examineDatabase } from "../postgres/examine.ts";
import type { DatabaseSubject } from "../postgres/subject.ts";

export interface Examined {
  readonly thresholds?: Partial<Thresholds>;
  readonly all?: boolean;
  readonly subject?: Partial<DatabaseSubject>;
  readonly now?: () => number;
  readonly connectTimeoutMs?: number;
}

export const examine = (
  connection: Connection,
  { thresholds, all = false, subject, now, connectTimeoutMs }: Examined = {},
): Promise<Examination> =>
  examineDatabase(
    { name: "shop/postgres", connection, ...subject },
    { thresholds: { ...DEFAULT_THRESHOLDS, ...(all ? EVERYTHING : {}), ...thresholds }, all, now, connectTimeoutMs },
  );

export const idsOf = ({ findings }: Examination): string[] => findings.map(({ id }) => id).sort();

export interface Workbench {
  readonly server: TestServer;
  readonly connection: Connection;
  /** Each statement in a message of its own, as the superuser. */
  sql(...statements: readonly string[]): Promise<Record<string, unknown>[]>;
  /** A session of another client, which is closed after the test. */
  client(application?: string, user?: string): Promise<Session>;
}

export async function withDatabase<T>(server: TestServer, work: (bench: Workbench) => Promise<T>): Promise<T> {
  const connection = await server.database();
  const sessions: Session[] = [];
  const client = async (application = "api", user = "postgres") => {
    const session = await open({ url: connection.url.replace("postgres@", `${user}@`) }, { application });
    sessions.push(session);
    return session;
  };
  try {
    const own = await client("test");
    return await work({
      server,
      connection,
      client,
      async sql(...statements) {
        let rows: Record<string, unknown>[] = [];
        for (const statement of statements) rows = await own.query(statement);
        return rows;
      },
    });
  } finally {
    for (const session of sessions) session.destroy();
    await server.sql(`DROP DATABASE IF EXISTS ${connection.url.split("/").at(-1)} WITH (FORCE)`).catch(() => {});
  }
}

export interface Fault extends Examined {
  readonly title: string;
  readonly id: string;
  readonly severity: Finding["severity"];
  /** The subject and the evidence contain these. */
  readonly says: readonly (string | RegExp)[];
  /** Statements, or what another client does. */
  readonly plant: readonly string[] | ((bench: Workbench) => Promise<unknown>);
  /** The SQL of the next step, or a part of its command. */
  readonly next: string | RegExp;
  /** Does what the next step says, where it is no SQL that removes the fault. */
  readonly repair?: (bench: Workbench, finding: Finding) => Promise<unknown>;
  /** Other findings that the fault causes. */
  readonly also?: readonly string[];
}

/** Finds the fault and nothing else; the next step removes the finding. */
export async function expectFoundAndRepaired(bench: Workbench, fault: Fault): Promise<void> {
  const { plant, id, severity, says, next, repair, also = [] } = fault;
  expect(idsOf(await examine(bench.connection, fault)), "before the fault").toEqual([]);
  if (typeof plant === "function") await plant(bench);
  else await bench.sql(...plant);

  const { findings } = await examineUntil([id, ...also], () => examine(bench.connection, fault));
  const finding = findings.find((one) => one.id === id)!;
  expect(finding.severity).toBe(severity);
  for (const text of says) expect(`${finding.subject}\n${finding.evidence}`).toMatch(text);
  const typed = [...(finding.next.sql ?? []), ...(finding.next.command === undefined ? [] : [finding.next.command])].join("\n");
  expect(typed).toMatch(next);

  if (repair === undefined) await bench.sql(...(finding.next.sql ?? []));
  else await repair(bench, finding);
  await examineUntil([], () => examine(bench.connection, fault), "after the next step");
}

/** What another session or the server does takes effect a moment later. */
export async function examineUntil(ids: readonly string[], look: () => Promise<Examination>, message?: string): Promise<Examination> {
  let last: Examination | undefined;
  await expect
    .poll(
      async () => {
        last = await look();
        return idsOf(last);
      },
      { interval: 100, timeout: 30_000, ...(message === undefined ? {} : { message }) },
    )
    .toEqual([...ids].sort());
  return last!;
}
