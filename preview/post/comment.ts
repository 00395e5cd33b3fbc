/** The one comment of a project on a pull request: written once, then kept up to date. */

import { PostError } from "./error.ts";
import { type GitHub, TooLong } from "./github.ts";

export interface Said {
  readonly pull: number;
  /** First line of the comment, hidden, by which it is found again. */
  readonly marker: string;
  /** The comment's text in at most so many bytes. */
  write(limit: number): string;
  /** Nothing changes: an old comment is corrected, a new one would only be noise. */
  readonly quiet: boolean;
}

export interface Posted {
  readonly what: "written" | "updated" | "not needed";
  readonly url?: string;
  /** What did not work, but matters less than the comment. */
  readonly warnings: readonly string[];
}

interface Comment {
  readonly id: number;
  readonly node_id: string;
  readonly html_url: string;
  readonly body?: string;
  readonly user: { readonly login: string } | null;
}

/** Under GitHub's 65,536 characters. The second is for a server that counts otherwise. */
const LIMITS = [60_000, 30_000];

export async function postComment(hub: GitHub, { pull, marker, write, quiet }: Said): Promise<Posted> {
  const mine = await ownComments(hub, pull, marker);
  const newest = mine.at(-1);
  if (!newest && quiet) return { what: "not needed", warnings: [] };
  const { html_url: url } = await shortened(write, (body) =>
    newest
      ? hub.call<Comment>("PATCH", `/issues/comments/${newest.id}`, { body })
      : hub.call<Comment>("POST", `/issues/${pull}/comments`, { body }),
  );
  // Two runs at once may both have written one.
  const warnings = (await Promise.all(mine.slice(0, -1).map((comment) => minimize(hub, comment)))).flat();
  return { what: newest ? "updated" : "written", url, warnings };
}

async function shortened(write: Said["write"], send: (body: string) => Promise<Comment>): Promise<Comment> {
  for (const limit of LIMITS) {
    try {
      return await send(write(limit));
    } catch (error) {
      if (!(error instanceof TooLong)) throw error;
    }
  }
  throw new PostError(`GitHub takes no comment of ${LIMITS.at(-1)?.toLocaleString("en")} bytes.`);
}

/** By whoever the token belongs to, oldest first. The marker alone would let anybody's comment be taken for ours. */
async function ownComments(hub: GitHub, pull: number, marker: string): Promise<Comment[]> {
  const { viewer } = await hub.query<{ viewer: { login: string } }>("query { viewer { login } }");
  const all = await hub.list<Comment>(`/issues/${pull}/comments`);
  return all
    .filter(({ user, body }) => user?.login === viewer.login && body?.startsWith(marker))
    .toSorted((one, other) => one.id - other.id);
}

async function minimize(hub: GitHub, { node_id, html_url }: Comment): Promise<string[]> {
  try {
    await hub.query("mutation($id: ID!) { minimizeComment(input: { subjectId: $id, classifier: OUTDATED }) { clientMutationId } }", {
      id: node_id,
    });
    return [];
  } catch (error) {
    return [`${html_url} is superseded and could not be folded: ${(error as Error).message}`];
  }
}
