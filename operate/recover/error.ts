/** A comparison that cannot be made or carried out; the message states what happened, where, and what to do. */
export class RecoverError extends Error {
  override readonly name = "RecoverError";
}
