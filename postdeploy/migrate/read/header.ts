/**
 * What a file says of itself, in comments:
 *
 *   -- slipway: no-transaction                 each statement on its own, for what Postgres refuses inside a transaction
 *   -- slipway: statement-timeout 10min        the longest one statement may take
 *   -- slipway: lock-timeout 30s               the longest one statement may wait for a lock
 *   -- slipway: irreversible <reason>          why there is no way back
 *   -- slipway: allow <rule> <reason>          lets one lint rule be, for the file or (further down) for the statement that follows
 */
import type { Finding } from "./finding.ts";
import { type Token, tokenize, UnterminatedError } from "./lex.ts";
import { placeAt } from "./position.ts";

export interface Header {
  readonly transaction: boolean;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly irreversible?: string;
  readonly allowed: readonly Allowed[];
  readonly findings: readonly Finding[];
}

export interface Allowed {
  readonly rule: string;
  readonly reason: string;
  /** Where the comment stands; the statement that begins after it is meant, or the whole file when none begins before it. */
  readonly at: number;
  readonly whole: boolean;
}

const DIRECTIVE = /^--\s*slipway:\s*(\S*)\s*(.*?)\s*$/;
const KNOWN = ["no-transaction", "statement-timeout", "lock-timeout", "irreversible", "allow"];
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

export function headerOf(file: string, text: string): Header {
  const header: { -readonly [K in keyof Header]: Header[K] } = { transaction: true, allowed: [], findings: [] };
  const findings: Finding[] = [];
  const allowed: Allowed[] = [];
  if (!text.includes("slipway:")) return header;
  let begun = false;
  for (const token of readable(text)) {
    if (token.kind !== "comment") {
      begun = true;
      continue;
    }
    const said = DIRECTIVE.exec(text.slice(token.start, token.end));
    if (said === null) continue;
    const [, name = "", rest = ""] = said;
    const wrong = (message: string, fix: string) =>
      findings.push({ rule: "header", severity: "error", file, ...placeAt(text, token.start), message, fix });
    if (name === "allow") {
      const [rule = "", ...reason] = rest.split(/\s+/);
      if (reason.length === 0)
        wrong("An allowance names a rule and a reason.", "-- slipway: allow drop-column nobody has read it since March");
      else allowed.push({ rule, reason: reason.join(" "), at: token.start, whole: !begun });
      continue;
    }
    if (!KNOWN.includes(name)) {
      wrong(`"${name}" is nothing a file can say of itself.`, `Known are: ${KNOWN.join(", ")}.`);
      continue;
    }
    if (begun) {
      wrong(`"${name}" counts for the whole file and stands below the first statement.`, "Move it to the top.");
      continue;
    }
    if (name === "no-transaction") header.transaction = false;
    else if (name === "irreversible") {
      if (rest === "") wrong("A file without a way back says why.", "-- slipway: irreversible the old values are not kept anywhere");
      else header.irreversible = rest;
    } else {
      const duration = milliseconds(rest);
      if (duration === undefined) wrong(`"${rest}" is no duration.`, `-- slipway: ${name} 10min (ms, s, min, h; 0 for none)`);
      else if (name === "statement-timeout") header.statementTimeoutMs = duration;
      else header.lockTimeoutMs = duration;
    }
  }
  return { ...header, allowed, findings };
}

/** Up to an unterminated quote; that one is reported where statements are read. */
function* readable(text: string): Generator<Token> {
  try {
    yield* tokenize(text);
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
  }
}

function milliseconds(text: string): number | undefined {
  if (text === "0") return 0;
  const [, count = "", unit = ""] = /^(\d+)\s*(ms|s|min|h)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  return factor === undefined ? undefined : Number(count) * factor;
}
