/** A rotation that cannot begin or go on. The message states what was found, what is still in use, and what to do. */
export class RotateError extends Error {
  override readonly name = "RotateError";
}
