/** Conditions that several checks share. */

/** The relation is not a part of an extension. @param alias of pg_class, or an expression of its oid in `oid` */
export const NOT_OF_EXTENSION = (alias: string, oid = `${alias}.oid`): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** The function is not a part of an extension. */
export const FUNCTION_NOT_OF_EXTENSION = (alias: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = ${alias}.oid AND e.deptype = 'e')`;
