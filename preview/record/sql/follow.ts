/** Follows the code that the statements of a file run: blocks, functions that they call, and statements that they compose. */
import type { Node } from "libpg-query";
import type { Statement } from "../../../postdeploy/migrate/read/parse.ts";
import { fieldsOf, kindOf, stringsOf } from "../../../postdeploy/migrate/read/statement.ts";
import { bodyOf } from "./bodies.ts";
import { type Consequence, type Created, consequencesOf, consequencesOfCall } from "./consequences.ts";
import { fieldsBelow } from "./nodes.ts";

/** A function that the files of the system define. */
export interface Definition {
  readonly node: Node;
  readonly text: string;
}

/** @param name without its schema */
export type FindDefinition = (name: string) => Promise<readonly Definition[]>;

/** What deeper calls do is reported as unknown. */
const DEEPEST = 5;

/** What a statement does, with what the code does that it runs. */
export async function consequencesOfStatement(
  { node, text }: Pick<Statement, "node" | "text">,
  created: Created,
  find: FindDefinition,
): Promise<readonly Consequence[]> {
  return distinct(await follow(node, text, 0));

  async function follow(node: Node, text: string | undefined, depth: number): Promise<readonly Consequence[]> {
    const own = withInner(node).flatMap((inner) => consequencesOf(inner, created));
    // It defines code, and runs none.
    if (kindOf(node) === "CreateFunctionStmt") return own;
    const bodies = kindOf(node) === "DoStmt" ? [{ name: "the block", node, text }] : [];
    for (const { name, args } of callsIn(node)) {
      own.push(...consequencesOfCall(name, args));
      for (const definition of await find(name)) bodies.push({ name: `${name}()`, ...definition });
    }
    const inner: Consequence[] = [];
    for (const body of bodies) inner.push(...(await run(body, depth)));
    return [...own, ...inner];
  }

  async function run(
    { name, node, text }: { readonly name: string; readonly node: Node; readonly text: string | undefined },
    depth: number,
  ): Promise<readonly Consequence[]> {
    if (depth >= DEEPEST) return [unknown(`calls ${name} more than ${DEEPEST} levels deep`)];
    const { statements, composed, unreadable } = await bodyOf(node, text);
    if (unreadable !== undefined) return [unknown(`runs ${name}, whose effect is unknown: ${unreadable}`)];
    const found: Consequence[] = composed.map((beginning) => judgeComposed(name, beginning));
    for (const statement of statements) found.push(...(await follow(statement, undefined, depth + 1)));
    return found;
  }
}

const unknown = (text: string, risk: Consequence["risk"] = "care"): Consequence => ({ kind: "unknown-effect", risk, text });

/** Statements that lose data or change access, whatever their object is. */
const SERIOUS =
  /^\s*(?:drop|truncate|delete|update|grant|alter\s+(?:role|user|table|policy|default|system|database)|reassign|set\s+(?:role|session)|copy|create\s+(?:role|user|extension))\b/i;

/** @param beginning as far as it is constant */
function judgeComposed(name: string, beginning: string): Consequence {
  const [words] = /^\s*[a-z]+(?:\s+[a-z]+)?/i.exec(beginning) ?? [];
  if (words === undefined) return unknown(`${name} runs SQL that it composes, whose effect is unknown`);
  const statement = words.trim().replace(/\s+/g, " ").toUpperCase();
  return SERIOUS.test(beginning)
    ? unknown(`${name} runs ${statement} on objects that it selects at run time`, "danger")
    : unknown(`${name} runs SQL that it composes, beginning with ${statement}`);
}

const CHANGES = new Set(["DeleteStmt", "UpdateStmt", "InsertStmt", "MergeStmt"]);

/** The statement, and those in its WITH clauses. */
function withInner(node: Node): readonly Node[] {
  const inner = [...fieldsBelow(fieldsOf(node))].flatMap(([name, value]) => (CHANGES.has(name) ? [{ [name]: value } as Node] : []));
  return [node, ...inner];
}

interface Call {
  readonly name: string;
  readonly args: readonly Node[];
}

function callsIn(node: Node): readonly Call[] {
  return [...fieldsBelow(node)].flatMap(([kind, value]) => {
    if (kind !== "FuncCall" && kind !== "funccall") return [];
    const { funcname, args } = value as { funcname?: unknown; args?: Node[] };
    const name = stringsOf(funcname).at(-1);
    return name === undefined ? [] : [{ name, args: args ?? [] }];
  });
}

const distinct = (all: readonly Consequence[]): readonly Consequence[] => [...new Map(all.map((one) => [one.text, one])).values()];
