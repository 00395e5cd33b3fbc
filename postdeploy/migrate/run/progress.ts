/** What a run says while it runs; the results say what came of it. */
import type { Notice } from "../../connect/session.ts";

export type Progress =
  | { readonly kind: "pending"; readonly files: readonly string[] }
  | { readonly kind: "waiting"; readonly holder: Holder | undefined }
  | { readonly kind: "statement"; readonly file: string; readonly statement: number; readonly statements: number; readonly text: string }
  /** Of files that went in one message nobody knows the time of each. */
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

/** Who holds the lock that only one run may hold. */
export interface Holder {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  readonly since: string;
  readonly doing: string;
}

/** A session whose locks stand in the way. */
export interface Blocker {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  readonly state: string;
  /** Of its transaction. */
  readonly seconds: number;
  readonly query: string;
}

export function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return "another run";
  return `${holder.application || "a session"} (pid ${holder.pid}, ${holder.user}, connected since ${holder.since}${holder.doing ? `, ${holder.doing}` : ""})`;
}

export function describeBlocker({ pid, application, user, state, seconds, query }: Blocker): string {
  const who = `pid ${pid} (${application || "no application name"}, ${user})`;
  return `${who}, ${state || "state not shown"} for ${Math.round(seconds)} s${query ? `: ${query.replace(/\s+/g, " ")}` : ""}`;
}
