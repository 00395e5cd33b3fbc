/** Postgres's own parsers, of SQL and of PL/pgSQL. */
import { loadModule, type Node, parsePlPgSQLSync, parseSync } from "libpg-query";

/** @returns undefined for text that is not SQL */
export async function parseSql(text: string): Promise<readonly Node[] | undefined> {
  await loadModule();
  try {
    return ((parseSync(text) as { stmts?: { stmt?: Node }[] }).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
  } catch {
    return undefined;
  }
}

/** @param whole the statement that contains the body. @returns the body's tree, or undefined if it cannot be parsed */
export async function parseBlock(whole: string | undefined, isDo: boolean, body: string): Promise<unknown> {
  await loadModule();
  const quoted = quote(body);
  // A function that returns rows may use RETURN QUERY, one that returns a trigger has NEW and OLD: one of them reads every body.
  const forms = isDo
    ? [`DO ${quoted}`]
    : ["SETOF record", "void", "trigger", "text"].map((type) => `CREATE FUNCTION f() RETURNS ${type} LANGUAGE plpgsql AS ${quoted}`);
  for (const form of whole === undefined ? forms : [whole, ...forms]) {
    try {
      return parsePlPgSQLSync(form);
    } catch {
      // The next one.
    }
  }
  return undefined;
}

function quote(text: string): string {
  let tag = "$slipway$";
  for (let count = 0; text.includes(tag); count++) tag = `$slipway${count}$`;
  return `${tag}${text}${tag}`;
}
