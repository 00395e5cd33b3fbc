/** What went wrong with a local server, in a sentence for the person who started it: what, why, and what to type next. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}
