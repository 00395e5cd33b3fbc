/** Creates or updates the one comment of a project on a pull request. */
import { type GitHub, PostError, TooLong } from "./github.ts";

export interface Comment {
  readonly pull: number;
  /** First line of the comment, hidden, by which a later run finds it. */
  readonly marker: string;
  /** @returns the text in at most so many bytes */
  write(limit: number): string;
  /** Nothing changes: update an existing comment, but do not create one. */
  readonly quiet: boolean;
}

export interface Posted {
  readonly what: "written" | "updated" | "not needed";
  readonly url?: string;
  /** Failures that do not affect the comment. */
  readonly warnings: readonly string[];
}

interface PostedComment {
  readonly id: number;
  readonly node_id: string;
  readonly html_url: string;
  readonly body?: string;
  readonly user: { readonly login: string } | null;
}

/** Below GitHub's limit of 65,536 characters. The second is for a server that counts differently. */
const LIMITS = [60_000, 30_000];

export async function postComment(hub: GitHub, { pull, marker, write, quiet }: Comment): Promise<Posted> {
  const mine = await ownComments(hub, pull, marker);
  const newest = mine.at(-1);
  if (!newest && quiet) return { what: "not needed", warnings: [] };
  const { html_url: url } = await postShortened(write, (body) =>
    newest
      ? hub.call<PostedComment>("PATCH", `/issues/comments/${newest.id}`, { body })
      : hub.call<PostedComment>("POST", `/issues/${pull}/comments`, { body }),
  );
  // Two concurrent runs can each have created one.
  const warnings = (await Promise.all(mine.slice(0, -1).map((comment) => minimize(hub, comment)))).flat();
  return { what: newest ? "updated" : "written", url, warnings };
}

async function postShortened(write: Comment["write"], send: (body: string) => Promise<PostedComment>): Promise<PostedComment> {
  for (const limit of LIMITS) {
    try {
      return await send(write(limit));
    } catch (error) {
      if (!(error instanceof TooLong)) throw error;
    }
  }
  throw new PostError(`GitHub refuses a comment of ${LIMITS.at(-1)?.toLocaleString("en")} bytes as too long.`);
}

/** Comments of the token's account, oldest first. The marker alone does not suffice: any user can write it. */
async function ownComments(hub: GitHub, pull: number, marker: string): Promise<PostedComment[]> {
  const { viewer } = await hub.query<{ viewer: { login: string } }>("query { viewer { login } }");
  const all = await hub.list<PostedComment>(`/issues/${pull}/comments`);
  return all
    .filter(({ user, body }) => user?.login === viewer.login && body?.startsWith(marker))
    .toSorted((one, other) => one.id - other.id);
}

async function minimize(hub: GitHub, { node_id, html_url }: PostedComment): Promise<string[]> {
  try {
    await hub.query("mutation($id: ID!) { minimizeComment(input: { subjectId: $id, classifier: OUTDATED }) { clientMutationId } }", {
      id: node_id,
    });
    return [];
  } catch (error) {
    return [`${html_url} is outdated, and could not be minimized: ${(error as Error).message}`];
  }
}
