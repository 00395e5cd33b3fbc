/** What the kinds of post-deploy steps have in common. */

/** What a step is given; the URLs in it are secret. */
export type Inputs = Readonly<Record<string, unknown>>;

export interface StepKind {
  /** What decides whether the step runs again. Never a password: a rotated one changes nothing in the database. */
  identity(inputs: Inputs): unknown;
  /** What the next preview has to know of this one's inputs, beside them. Nothing secret: it stays in the state in the open. */
  noted?(inputs: Inputs): Promise<Inputs>;
  /** What a preview says of the coming run. */
  pending(olds: Inputs, news: Inputs): string;
  /** Does it. A second call with the same inputs changes nothing. @returns what may be shown of the outcome. */
  apply(inputs: Inputs): Promise<Record<string, unknown>>;
}

/** Where a URL leads, without who goes there: a step that meets another server runs again. */
export function target(url: unknown): string {
  const { hostname, port, pathname } = new URL(String(url));
  return `${hostname}:${port}${pathname}`;
}
