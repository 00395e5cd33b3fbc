/**
 * Copies rows straight into empty tables, which takes half of the time of staging them. The tables check the rows themselves. What they or slipway refuse is
 * undone: then all rows are staged, and each one that is refused gets its reason.
 */
import type { Session } from "../../postdeploy/connect/session.ts";
import { isLost, sqlstate } from "../../postdeploy/connect/sqlstate.ts";
import type { Entity } from "../../systems/data/mapping.ts";
import { entityRows } from "../rows.ts";
import { copy, type Digests, entitiesOf, filesOf, run, type StagingOptions } from "./staging.ts";
import { quoted, type Table } from "./tables.ts";
import { advanceSequences } from "./write.ts";

export interface Copied {
  readonly entity: Entity;
  readonly inserted: number;
  readonly changes: ReadonlyMap<string, number>;
}

/** A row was refused, and its reason is found by staging. */
class Refused extends Error {}

/** @returns undefined if a row was refused; then nothing was written */
export async function copyIntoEmpty(options: StagingOptions, digests: Digests, isFinal: boolean): Promise<readonly Copied[] | undefined> {
  const { session } = options;
  const entities = await findEmpty(session, options);
  await run(session, "SAVEPOINT direct");
  const copied: Copied[] = [];
  try {
    for (const entity of entities) copied.push(await copyEntity(entity, options, digests, isFinal));
  } catch (error) {
    const state = sqlstate(error);
    // Class 23 is a constraint, 22 a value, 0A and 42 a COPY that the table does not allow, P0 a trigger.
    const isRefused = error instanceof Refused || (state !== undefined && !isLost(error) && /^(0A|22|23|42|P0)/.test(state));
    if (!isRefused && (error as { code?: string }).code !== "refused-value") throw error;
    await run(session, "ROLLBACK TO SAVEPOINT direct");
    return undefined;
  }
  await run(session, "RELEASE SAVEPOINT direct");
  return copied;
}

/** Entities whose table is empty, and that refer only to such ones. References within a table need the check for circles, which reads staged rows. */
async function findEmpty(session: Session, { mapping, tables, source }: StagingOptions): Promise<readonly Entity[]> {
  const all = entitiesOf(mapping, source).filter((entity) => filesOf(entity, mapping, source).length > 0);
  if (all.length === 0) return [];
  const columns = all.map(({ table }, index) => `EXISTS (SELECT FROM ${quoted(table)}) AS "#${index}"`);
  const [row] = await run(session, `SELECT ${columns.join(", ")}`);
  const found: Entity[] = [];
  for (const [index, entity] of all.entries())
    if (row?.[`#${index}`] === "f" && (entity.selfReferences ?? []).length === 0 && refersOnlyTo(found, entity, all, tables))
      found.push(entity);
  return found;
}

function refersOnlyTo(found: readonly Entity[], entity: Entity, all: readonly Entity[], tables: ReadonlyMap<string, Table>): boolean {
  const { foreignKeys } = tables.get(entity.table)!;
  return foreignKeys.every(({ table }) => found.some((one) => one.table === table) || !all.some((one) => one.table === table));
}

async function copyEntity(
  entity: Entity,
  { session, mapping, tables, source, onBytes }: StagingOptions,
  digests: Digests,
  isFinal: boolean,
): Promise<Copied> {
  const rows = entityRows(mapping, entity, () => {
    throw new Refused();
  });
  const files = filesOf(entity, mapping, source);
  const inserted = await copy(session, { relation: quoted(entity.table), rows, files, withPlace: false, digests, onBytes });
  if (isFinal && inserted > 0) await advanceSequences(session, tables.get(entity.table)!, rows.columns);
  return { entity, inserted, changes: rows.changes };
}
