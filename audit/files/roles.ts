/** Searches the migrations of a plan for rights that a role should not have. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Plan } from "../../engine/plan.ts";
import { tokenize, UnterminatedError } from "../../postdeploy/migrate/read/lex.ts";
import type { Finding } from "../../report/audit.ts";
import { field, items } from "../../report/plan/app-spec.ts";
import { finding } from "../finding.ts";
import type { RuleId } from "../rules.ts";
import { lineOf } from "./code.ts";

type Roles = Readonly<Record<string, string>>;

/** @param directory the program's, to which the folders of migrations are relative */
export function roleFaults({ resources }: Plan, directory: string): readonly Finding[] {
  const rolesOf = new Map(resources.flatMap(({ inputs: { system, roles } }) => (isRoles(roles) ? [[system, roles] as const] : [])));
  return [
    ...[...rolesOf.values()].flatMap(sharedRoles),
    ...resources
      .filter(({ type }) => type.endsWith(":Migrations"))
      .flatMap(({ inputs }) => {
        const folder = field(inputs, "folder");
        const roles = rolesOf.get(inputs.system);
        if (typeof folder !== "string" || roles === undefined) return [];
        return items(inputs.files).flatMap((listed) => {
          const name = String(listed).split(" ")[0]!;
          const file = path.join(directory, folder, name);
          return existsSync(file) ? sqlFaults(`${folder}/${name}`, readFileSync(file, "utf8"), roles) : [];
        });
      }),
  ];
}

function sharedRoles(roles: Roles): Finding[] {
  const { owner, runtime } = roles;
  if (owner === undefined || owner !== runtime) return [];
  const what = `the role ${runtime}`;
  return [
    finding({
      rule: "role-too-strong",
      message: `${runtime} is both the owner of the tables and the role that the application connects as.`,
      flow: [{ what, path: what }],
    }),
  ];
}

export function sqlFaults(file: string, sql: string, roles: Roles): readonly Finding[] {
  return statementsIn(sql).flatMap(({ text, index }, nth) =>
    faultsOf(text, roles).map(({ rule, problem, role }) => {
      const source = { file, line: lineOf(sql, index) };
      return finding({
        rule,
        message: `${file} ${problem}.`,
        source,
        flow: [{ what: `${file}:${source.line}`, source }],
        sink: `${file} ${rule} ${role} ${nth}`,
      });
    }),
  );
}

interface Fault {
  readonly rule: RuleId;
  readonly role: string;
  readonly problem: string;
}

const POWERS = /^(?:CREATE|ALTER) (?:ROLE|USER|GROUP) (\S+) .*?\b(SUPERUSER|BYPASSRLS|CREATEROLE|CREATEDB|REPLICATION)\b/i;
const GRANT = /\bGRANT (.+?) ON (.+?) TO (.+?)( WITH GRANT OPTION)?$/i;
const MEMBERSHIP = /^GRANT ((?:(?! ON ).)+?) TO (.+?)(?: WITH .*)?$/i;
const OWNER = /\bOWNER TO (\S+)$/i;
const WRITES = /\b(ALL|INSERT|UPDATE|DELETE|TRUNCATE)\b/i;
/** Built-in roles with rights over the whole server. */
const STRONG = /^(pg_write_all_data|pg_execute_server_program|pg_write_server_files|pg_read_server_files|rds_superuser|doadmin|postgres)$/i;

function faultsOf(text: string, { owner = "", runtime = "", readonly = "", backup = "" }: Roles): Fault[] {
  const readers = [readonly, backup].filter((role) => role !== "");
  const [, altered, power] = POWERS.exec(text) ?? [];
  if (altered !== undefined) return [tooStrong(altered, `makes ${altered} ${power!.toUpperCase()}`)];
  const [, newOwner] = OWNER.exec(text) ?? [];
  if (newOwner !== undefined && [runtime, ...readers].includes(newOwner)) return [tooStrong(newOwner, `makes ${newOwner} an owner`)];
  const [, privileges = "", , to = "", passOn] = GRANT.exec(text) ?? [];
  const [, given = "", member = ""] = privileges === "" ? (MEMBERSHIP.exec(text) ?? []) : [];
  return names(to || member).flatMap((role) => {
    if (member !== "") {
      const strongest = names(given).find((one) => one === owner || STRONG.test(one));
      return strongest === undefined ? [] : [tooStrong(role, `lets ${role} become ${strongest}`)];
    }
    if (readers.includes(role) && WRITES.test(privileges))
      return [{ rule: "readonly-writes" as const, role, problem: `lets ${role} write: ${privileges}` }];
    if (passOn !== undefined) return [tooStrong(role, `lets ${role} pass its rights on`)];
    if (/^public$/i.test(role) && WRITES.test(privileges)) return [tooStrong(role, `lets every role write: ${privileges}`)];
    return role === runtime && /\bALL\b/i.test(privileges) ? [tooStrong(role, `grants ${role} every right`)] : [];
  });
}

const tooStrong = (role: string, problem: string): Fault => ({ rule: "role-too-strong", role, problem });

function names(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim().replace(/^"|"$/g, ""))
    .filter((name) => name !== "");
}

interface Statement {
  readonly text: string;
  readonly index: number;
}

/** Statements without comments and with single spaces, including those in DO blocks and functions. */
function statementsIn(sql: string, offset = 0): Statement[] {
  const found: Statement[] = [];
  let words: string[] = [];
  let start = -1;
  const end = () => {
    if (words.length > 0) found.push({ text: words.join(" ").replaceAll(" ,", ","), index: offset + start });
    words = [];
    start = -1;
  };
  try {
    for (const { kind, start: at, end: to } of tokenize(sql)) {
      if (kind === "comment") continue;
      if (kind === "semicolon") {
        end();
        continue;
      }
      if (start < 0) start = at;
      const text = sql.slice(at, to);
      if (kind === "dollar") {
        const tag = /^\$\w*\$/.exec(text)?.[0].length ?? 2;
        found.push(...bodyStatements(text.slice(tag, -tag), offset + at + tag));
      } else words.push(kind === "string" ? "''" : text);
    }
  } catch (error) {
    // The migration runner refuses such a file and reports the line.
    if (!(error instanceof UnterminatedError)) throw error;
  }
  end();
  return found;
}

/** In a body, BEGIN, THEN, ELSE or LOOP can precede a statement. */
function bodyStatements(body: string, offset: number): Statement[] {
  return statementsIn(body, offset).map(({ text, index }) => ({ text: text.replace(/^(?:.*?\b(?:BEGIN|THEN|ELSE|LOOP) )+/i, ""), index }));
}

function isRoles(value: unknown): value is Roles {
  return typeof value === "object" && value !== null && "owner" in value && "runtime" in value;
}
