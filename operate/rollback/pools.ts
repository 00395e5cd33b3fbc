/**
 * The pools that lead to a database. A pool reconnects whenever its sessions are ended, and it checks the passwords of its clients in sessions of a superuser,
 * which no client of the server can end. A database with pools could not be renamed, so they lead to another one meanwhile.
 */
import { z } from "zod";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient } from "../recover/api.ts";
import type { RollbackSubject } from "./subject.ts";

const poolSchema = z.object({ name: z.string(), mode: z.string(), size: z.number(), db: z.string(), user: z.string().optional() });
export type Pool = Readonly<z.infer<typeof poolSchema>>;

/** The database of every cluster in which no role of a system may connect: a client of the pool gets an error, and writes nothing. */
const MEANWHILE = "defaultdb";

export async function listPools(api: ApiClient, cluster: string, database: string): Promise<readonly Pool[]> {
  const found = await api.list(`/v2/databases/${cluster}/pools`, "pools");
  return found.map((pool) => poolSchema.parse(pool)).filter(({ db }) => db === database);
}

export const leadAway = (subject: RollbackSubject, pools: readonly Pool[]): Promise<void> =>
  update(
    subject,
    pools.map((pool) => ({ ...pool, db: MEANWHILE })),
  );

export const leadBack = (subject: RollbackSubject, pools: readonly Pool[]): Promise<void> => update(subject, pools);

/** Setting a pool twice to the same values changes nothing, so a request without a reply is sent again. */
async function update({ writer, database, flags }: RollbackSubject, pools: readonly Pool[]): Promise<void> {
  for (const { name, ...fields } of pools) {
    const send = () => writer.send("PUT", `/v2/databases/${database!.cluster}/pools/${encodeURIComponent(name)}`, fields);
    let outcome = await send();
    for (let attempt = 2; outcome.kind === "unknown" && attempt <= ATTEMPTS; attempt++) outcome = await send();
    if (outcome.kind === "done") continue;
    const [exit, reason] = outcome.kind === "refused" ? ([1, outcome.message] as const) : ([3, outcome.reason] as const);
    throw new Failure(
      "pool",
      exit,
      `The pool ${name} could not be led to database ${fields.db}: ${reason}. Run the same command again, which continues: slipway rollback full ${flags} --yes`,
    );
  }
}

const ATTEMPTS = 5;
