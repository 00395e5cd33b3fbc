/** Reads the body of a response up to a limit, because neither a service nor a log ends by itself. */

export interface BodyOptions {
  /** Whether a connection that breaks ends the body, once something was read: a live log ends in no other way. @default false */
  readonly acceptsPart?: boolean;
}

export async function readBody(response: Response, mostBytes: number, { acceptsPart = false }: BodyOptions = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostBytes) break;
    }
  } catch (error) {
    if (!acceptsPart || chunks.length === 0) throw error;
  }
  return Buffer.concat(chunks).toString("utf8");
}
