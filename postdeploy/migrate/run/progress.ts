/** The events that a run reports. */
import { printable } from "../../connect/quote.ts";
import type { Notice } from "../../connect/session.ts";

export type Progress =
  | { readonly kind: "pending"; readonly files: readonly string[] }
  | { readonly kind: "waiting"; readonly holder: Holder | undefined }
  | { readonly kind: "statement"; readonly file: string; readonly statement: number; readonly statements: number; readonly text: string }
  /** `ms` is absent for files that were sent together in one message. */
  | { readonly kind: "applied" | "reverted"; readonly file: string; readonly ms?: number; readonly nth: number; readonly of: number }
  | { readonly kind: "notice"; readonly file: string; readonly line?: number; readonly notice: Notice }
  | { readonly kind: "blocked"; readonly file: string; readonly by: readonly Blocker[] }
  | { readonly kind: "index"; readonly file: string; readonly phase: string; readonly done: number; readonly total: number }
  | {
      readonly kind: "retry";
      readonly file: string;
      readonly attempt: number;
      readonly of: number;
      readonly inMs: number;
      readonly why: string;
    }
  | { readonly kind: "lost"; readonly why: string }
  | { readonly kind: "warning"; readonly message: string };

/** The session that holds the migration lock. */
export interface Holder {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  readonly since: string;
  readonly doing: string;
}

/** A session that holds a conflicting lock. */
export interface Blocker {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  readonly state: string;
  /** The age of its transaction. */
  readonly seconds: number;
  readonly query: string;
}

export function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return "another run";
  const { application, pid, user, since, doing } = holder;
  // The server shows the rest of a session to the same role only.
  const details = [`pid ${pid}`, printable(user), ...(since ? [`connected since ${since}`] : []), ...(doing ? [printable(doing)] : [])];
  return `${printable(application) || "a session"} (${details.join(", ")})`;
}

export function describeBlocker({ pid, application, user, state, seconds, query }: Blocker): string {
  const session = `pid ${pid} (${application || "no application name"}, ${user})`;
  return `${session}, ${state || "state unknown"} for ${Math.round(seconds)} s${query ? `: ${query.replace(/\s+/g, " ")}` : ""}`;
}
