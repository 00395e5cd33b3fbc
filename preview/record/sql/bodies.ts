/** The statements in a body of code: of a DO block, a function or a procedure, also those that it composes as text. */
import type { Node } from "libpg-query";
import { type Fields, fieldsOf, kindOf, optionsIn, stringOf, stringsOf } from "../../../postdeploy/migrate/read/statement.ts";
import { parseBlock, parseSql } from "./parser.ts";

export interface Body {
  readonly statements: readonly Node[];
  /** Statements that are known only when the body runs, with the constant text at their beginning. */
  readonly composed: readonly string[];
  /** Why the body cannot be read. */
  readonly unreadable?: string;
}

const NOTHING: Body = { statements: [], composed: [] };

/** @param node DO, CREATE FUNCTION or CREATE PROCEDURE. @param whole its text, without which a body that assigns to a parameter cannot be read */
export async function bodyOf(node: Node, whole?: string): Promise<Body> {
  const fields = fieldsOf(node);
  const all = optionsIn(kindOf(node) === "DoStmt" ? fields.args : fields.options);
  const options = new Map(all.map(({ defname, arg }) => [defname, arg]));
  const items = (fields.sql_body as { List?: { items?: { List?: { items?: Node[] } }[] } } | undefined)?.List?.items;
  if (items !== undefined) return { statements: items.flatMap((item) => item.List?.items ?? []), composed: [] };
  const language = stringOf(options.get("language")) ?? "plpgsql";
  const text = stringOf(options.get("as")) ?? stringsOf((options.get("as") as { List?: Fields } | undefined)?.List?.items)[0];
  if (text === undefined) return NOTHING;
  if (language === "sql") return await readSql(text);
  if (language === "plpgsql") return await readPlpgsql(whole, kindOf(node) === "DoStmt", text);
  return { ...NOTHING, unreadable: `it is written in ${language}` };
}

async function readSql(text: string): Promise<Body> {
  const statements = await parseSql(text);
  return statements === undefined ? { ...NOTHING, unreadable: "its SQL cannot be parsed" } : { statements, composed: [] };
}

async function readPlpgsql(whole: string | undefined, isDo: boolean, text: string): Promise<Body> {
  const tree = await parseBlock(whole, isDo, text);
  if (tree === undefined) return { ...NOTHING, unreadable: "its PL/pgSQL cannot be parsed" };
  const statements: Node[] = [];
  const composed: string[] = [];
  for (const { query, isComposed } of queriesIn(tree)) {
    if (isComposed) {
      const { text: known, isWhole } = await constantText(query);
      const parsed = isWhole ? await parseSql(known) : undefined;
      if (parsed === undefined) composed.push(known);
      else statements.push(...parsed);
      // What the text is composed from can call functions too.
      statements.push(...((await parseSql(`SELECT ${query}`)) ?? []));
      continue;
    }
    // A statement, or an expression: `x := f()` is stored whole.
    const expression = query.replace(/^\s*[\w."[\]]+\s*(?::=|=)\s*/, "");
    statements.push(...((await parseSql(query)) ?? (await parseSql(`SELECT ${query}`)) ?? (await parseSql(`SELECT ${expression}`)) ?? []));
  }
  return { statements, composed };
}

interface Query {
  readonly query: string;
  /** An expression whose value is the text of a statement. */
  readonly isComposed: boolean;
}

/** Fields of PL/pgSQL's tree that hold the text of a statement which EXECUTE runs. */
const DYNAMIC: Readonly<Record<string, readonly string[]>> = {
  PLpgSQL_stmt_dynexecute: ["query"],
  PLpgSQL_stmt_dynfors: ["query"],
  PLpgSQL_stmt_return_query: ["dynquery"],
  PLpgSQL_stmt_open: ["dynquery"],
};

function queriesIn(tree: unknown, parent = ""): Query[] {
  if (Array.isArray(tree)) return tree.flatMap((one) => queriesIn(one, parent));
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]) => {
    const { query } = (value as { PLpgSQL_expr?: { query?: string } } | null)?.PLpgSQL_expr ?? {};
    if (query !== undefined) return [{ query, isComposed: DYNAMIC[parent]?.includes(key) ?? false }];
    const own = (value as { query?: unknown } | null)?.query;
    if (key === "PLpgSQL_expr" && typeof own === "string") return [{ query: own, isComposed: false }];
    return queriesIn(value, key.startsWith("PLpgSQL_") ? key : parent);
  });
}

interface ConstantText {
  readonly text: string;
  /** Nothing of it depends on the run. */
  readonly isWhole: boolean;
}

/** The text of an expression as far as it is constant: a literal, literals joined by ||, and the template of format(). */
async function constantText(expression: string): Promise<ConstantText> {
  const [select] = (await parseSql(`SELECT ${expression}`)) ?? [];
  const target = (fieldsOf(select ?? ({} as Node)).targetList as { ResTarget?: { val?: Node } }[] | undefined)?.[0]?.ResTarget?.val;
  return target === undefined ? { text: "", isWhole: false } : textOf(target);
}

function textOf(node: Node): ConstantText {
  const fields = fieldsOf(node) as Fields & { sval?: { sval?: string } };
  switch (kindOf(node)) {
    case "A_Const":
      return { text: fields.sval?.sval ?? "", isWhole: fields.sval !== undefined };
    case "TypeCast":
      return textOf(fields.arg as Node);
    case "A_Expr": {
      if (stringsOf(fields.name).at(-1) !== "||") return { text: "", isWhole: false };
      const [left, right] = [textOf(fields.lexpr as Node), textOf(fields.rexpr as Node)];
      return left.isWhole ? { text: left.text + right.text, isWhole: right.isWhole } : left;
    }
    case "FuncCall": {
      const [template, ...values] = (fields.args ?? []) as Node[];
      if (stringsOf(fields.funcname).at(-1) !== "format" || template === undefined) return { text: "", isWhole: false };
      const known = textOf(template);
      const parts = values.map(textOf);
      return { text: fill(known.text, parts), isWhole: known.isWhole && parts.every(({ isWhole }) => isWhole) };
    }
    default:
      return { text: "", isWhole: false };
  }
}

/** As format() does with %s, %I and %L, in their order. What is not known stays as it is in the template. */
function fill(template: string, values: readonly ConstantText[]): string {
  let next = 0;
  return template.replace(/%(?:(%)|[-\d$]*([sIL]))/g, (found, percent: string | undefined, kind: string | undefined) => {
    if (percent !== undefined) return "%";
    const value = values[next++];
    if (value === undefined || !value.isWhole) return found;
    return kind === "L" ? `'${value.text.replaceAll("'", "''")}'` : value.text;
  });
}
