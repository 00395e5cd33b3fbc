/**
 * The directives of a file, in comments:
 *
 *   -- slipway: no-transaction                 runs each statement on its own, for statements that cannot run inside a transaction
 *   -- slipway: statement-timeout 10min        limits the duration of each statement
 *   -- slipway: lock-timeout 30s               limits the time that each statement waits for a lock
 *   -- slipway: irreversible <reason>          states why there is no down migration
 *   -- slipway: compatible <reason>            states why the version of the application before this file works with it
 *   -- slipway: allow <rule> <reason>          suppresses a lint rule for the file, or below the first statement for the next statement
 */
import type { Finding } from "./finding.ts";
import { type Token, tokenize, UnterminatedError } from "./lex.ts";
import { positionAt } from "./position.ts";

export interface Header {
  readonly transaction: boolean;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly irreversible?: string;
  /** Why the version of the application from before the file works with it: what a rollback relies on. */
  readonly compatible?: string;
  readonly allowed: readonly Suppression[];
  readonly findings: readonly Finding[];
}

export interface Suppression {
  readonly rule: string;
  readonly reason: string;
  /** The position of the comment. */
  readonly at: number;
  /** Whether it applies to the whole file: no statement begins before it. */
  readonly whole: boolean;
}

const DIRECTIVE = /^--\s*slipway:\s*(\S*)\s*(.*?)\s*$/;
const DIRECTIVES = ["no-transaction", "statement-timeout", "lock-timeout", "irreversible", "compatible", "allow"];
/** Former rule ids, which existing suppressions still name. */
const RENAMED_RULES: Readonly<Record<string, string>> = {
  "default-privileges-for-whom": "default-privileges-without-role",
  "no-way-back": "no-down-migration",
};
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

export function parseHeader(file: string, text: string): Header {
  const header: { -readonly [K in keyof Header]: Header[K] } = { transaction: true, allowed: [], findings: [] };
  const findings: Finding[] = [];
  const allowed: Suppression[] = [];
  if (!text.includes("slipway:")) return header;
  let begun = false;
  for (const token of tokenizeLeniently(text)) {
    if (token.kind !== "comment") {
      begun = true;
      continue;
    }
    const directive = DIRECTIVE.exec(text.slice(token.start, token.end));
    if (directive === null) continue;
    const [, name = "", rest = ""] = directive;
    const reportError = (message: string, fix: string) =>
      findings.push({ rule: "header", severity: "error", file, ...positionAt(text, token.start), message, fix });
    if (name === "allow") {
      const [rule = "", ...reason] = rest.split(/\s+/);
      if (reason.length === 0)
        reportError("The allow directive needs a rule and a reason.", "-- slipway: allow drop-column no release has read it since March");
      else allowed.push({ rule: RENAMED_RULES[rule] ?? rule, reason: reason.join(" "), at: token.start, whole: !begun });
      continue;
    }
    if (!DIRECTIVES.includes(name)) {
      reportError(`Unknown directive "${name}".`, `Use one of: ${DIRECTIVES.join(", ")}.`);
      continue;
    }
    if (begun) {
      reportError(`"${name}" applies to the whole file, but comes after the first statement.`, "Move it to the top.");
      continue;
    }
    if (name === "no-transaction") header.transaction = false;
    else if (name === "irreversible") {
      if (rest === "")
        reportError("The irreversible directive needs a reason.", "-- slipway: irreversible the old values are not stored anywhere");
      else header.irreversible = rest;
    } else if (name === "compatible") {
      if (rest === "")
        reportError("The compatible directive needs a reason.", "-- slipway: compatible no release since May reads the column");
      else header.compatible = rest;
    } else {
      const duration = parseDuration(rest);
      if (duration === undefined) reportError(`"${rest}" is not a duration.`, `-- slipway: ${name} 10min (ms, s, min, h; 0 for none)`);
      else if (name === "statement-timeout") header.statementTimeoutMs = duration;
      else header.lockTimeoutMs = duration;
    }
  }
  return { ...header, allowed, findings };
}

/** Stops at an unterminated quote, which parse.ts reports. */
function* tokenizeLeniently(text: string): Generator<Token> {
  try {
    yield* tokenize(text);
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
  }
}

function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, count = "", unit = ""] = /^(\d+)\s*(ms|s|min|h)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  return factor === undefined ? undefined : Number(count) * factor;
}
