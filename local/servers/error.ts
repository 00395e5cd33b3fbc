/** A failure of a local server, with a message for the user: what failed, why, and what to do. Printed without a stack trace. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}
