/** Checks a mapping. One error lists every problem. */
import { type Problem, printable } from "../../catalog/problem.ts";
import { DefinitionError, oneOf } from "../definition-error.ts";
import { type DataMapping, type Entity, FIELD_TYPES, type Field } from "./mapping.ts";

const NAME = /^[a-z_][a-z0-9_$]{0,62}$/;
const TABLE = /^[a-z_][a-z0-9_$]{0,62}\.[a-z_][a-z0-9_$]{0,62}$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

type Report = (problem: Problem) => void;

/** @throws {DefinitionError} with every problem of the mapping */
export function checkMapping(system: string, mapping: DataMapping): DataMapping {
  const problems: Problem[] = [];
  const report: Report = (problem) => problems.push({ ...problem, path: `${system}.data.${problem.path}` });
  const earlier = new Map<string, Entity>();
  const files = new Map<string, string>();
  const tables = new Map<string, string>();
  for (const [index, entity] of mapping.entities.entries()) {
    const path = `entities[${index}]`;
    if (earlier.has(entity.name)) report({ path: `${path}.name`, given: printable(entity.name), problem: "another entity has this name" });
    checkEntity(entity, path, report);
    checkUnique(tables, entity.table, `${path}.table`, report);
    checkSource(entity, { path, earlier, files, report });
    earlier.set(entity.name, entity);
  }
  for (const part of ["ignoredFiles", "otherTables"] as const) checkReasons(mapping[part], part, report);
  if (problems.length > 0) throw new DefinitionError(problems);
  return mapping;
}

function checkEntity(
  { table, key, fields, ignored, otherColumns, from, conflict, selfReferences = [] }: Entity,
  path: string,
  report: Report,
): void {
  if (!TABLE.test(table)) report({ path: `${path}.table`, given: printable(table), allowed: 'schema and table: "public.users"' });
  if (!["keep", "replace", "fail"].includes(conflict))
    report({ path: `${path}.conflict`, given: printable(conflict), allowed: "keep, replace, fail" });
  const columns = Object.values(fields).map(({ column }) => column);
  const all = [...columns, ...("entity" in from ? Object.keys(from.parent) : [])];
  for (const [index, column] of all.entries())
    if (all.indexOf(column) !== index) report({ path: `${path}.fields`, given: printable(column), problem: "two fields fill this column" });
  for (const [part, names] of [["key", key] as const, ["selfReferences", selfReferences] as const])
    for (const column of names)
      if (!all.includes(column))
        report({ path: `${path}.${part}`, given: printable(column), problem: "no field fills this column", allowed: oneOf(all) });
  for (const [name, field] of Object.entries(fields)) checkField(field, `${path}.fields.${name}`, key.includes(field.column), report);
  for (const name of Object.keys(ignored ?? {}))
    if (Object.hasOwn(fields, name)) report({ path: `${path}.ignored.${name}`, problem: "the field is both imported and ignored" });
  if (selfReferences.length > 0 && key.length > 1)
    report({ path: `${path}.selfReferences`, problem: "a row that another row of the table refers to has one column as its key" });
  for (const column of Object.keys(otherColumns ?? {}))
    if (all.includes(column)) report({ path: `${path}.otherColumns.${column}`, problem: "a field fills this column" });
  checkReasons(ignored, `${path}.ignored`, report);
  checkReasons(otherColumns, `${path}.otherColumns`, report);
}

function checkField(field: Field, path: string, isKey: boolean, report: Report): void {
  if (!NAME.test(field.column)) report({ path: `${path}.column`, given: printable(field.column), allowed: "the name of a column" });
  if (!FIELD_TYPES.includes(field.type)) report({ path: `${path}.type`, given: printable(field.type), allowed: oneOf(FIELD_TYPES) });
  if (field.missing === null && !field.nullable)
    report({ path: `${path}.missing`, given: "null", problem: "null is no value of this field", fix: "Set nullable." });
  if (field.emptyIsNull && !field.nullable)
    report({ path: `${path}.emptyIsNull`, problem: "null is no value of this field", fix: "Set nullable." });
  if (isKey && field.nullable && field.missing === null)
    report({ path, problem: "a key identifies a row, so a record cannot lack it", fix: "Leave out nullable and missing." });
  for (const [option, type] of [
    ["foldCase", "uuid"],
    ["zone", "timestamptz"],
    ["removeNul", "text"],
    ["values", "text"],
    ["digits", "numeric"],
  ] as const)
    if (field[option] !== undefined && field.type !== type)
      report({ path: `${path}.${option}`, problem: `only a field of type ${type} has it` });
  // An export writes the words of the table, and has to be a source again.
  for (const word of Object.values(field.values ?? {}))
    if (field.values?.[word] !== word)
      report({
        path: `${path}.values`,
        given: printable(word),
        problem: "an export could not be imported",
        fix: `Add ${word}: "${word}".`,
      });
}

function checkSource(
  { name, from }: Entity,
  { path, earlier, files, report }: { path: string; earlier: ReadonlyMap<string, Entity>; files: Map<string, string>; report: Report },
): void {
  if ("file" in from) {
    if (!FILE.test(from.file))
      report({ path: `${path}.from.file`, given: printable(from.file), allowed: "a name without a folder and without .json" });
    checkUnique(files, from.file.toLowerCase(), `${path}.from.file`, report);
    return;
  }
  const outer = earlier.get(from.entity);
  if (outer === undefined || !("file" in outer.from)) {
    const all = [...earlier.values()].filter((one) => "file" in one.from).map((one) => one.name);
    report({ path: `${path}.from.entity`, given: printable(from.entity), problem: `no entity before ${name} has it`, allowed: oneOf(all) });
    return;
  }
  if (Object.hasOwn(outer.fields, from.field) || Object.hasOwn(outer.ignored ?? {}, from.field))
    report({ path: `${path}.from.field`, given: printable(from.field), problem: `${outer.name} uses this field itself` });
  for (const [column, field] of Object.entries(from.parent))
    if (outer.fields[field] === undefined || !NAME.test(column))
      report({ path: `${path}.from.parent.${column}`, given: printable(field), allowed: oneOf(Object.keys(outer.fields)) });
}

function checkUnique(seen: Map<string, string>, value: string, path: string, report: Report): void {
  const other = seen.get(value);
  if (other !== undefined) report({ path, given: printable(value), problem: `${other} has it already` });
  seen.set(value, path);
}

function checkReasons(reasons: Readonly<Record<string, string>> | undefined, path: string, report: Report): void {
  for (const [name, reason] of Object.entries(reasons ?? {}))
    if (reason.trim() === "") report({ path: `${path}.${name}`, problem: "it has no reason", fix: "Write why it is not imported." });
}
