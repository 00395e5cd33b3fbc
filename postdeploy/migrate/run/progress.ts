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
  /** "" for a process of the server. */
  readonly user: string;
  /** "" for a session of a role that the run is no member of. */
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
  if (user === "") return `pid ${pid} (a process of the server, such as autovacuum)`;
  const session = `pid ${pid} (${printable(application) || "no application name"}, ${printable(user)})`;
  if (state === "") return `${session}, whose state and queries only ${printable(user)} and doadmin see`;
  return `${session}, ${state} for ${Math.round(seconds)} s${query ? `: ${printable(query.replace(/\s+/g, " "))}` : ""}`;
}

/** What ends the sessions. The owner role may not, if they belong to another role. */
export function terminationHint(blockers: readonly Blocker[]): string {
  const pids = blockers.map(({ pid }) => pid);
  const list = pids.join(", ");
  const see = `SELECT pid, usename, application_name, state, xact_start, query FROM pg_stat_activity WHERE pid IN (${list});`;
  return `What they do, as doadmin: ${see} To end them: ${pids.map((pid) => `SELECT pg_terminate_backend(${pid});`).join(" ")}`;
}
