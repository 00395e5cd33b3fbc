/** Why nothing was posted, in a sentence that says what to do. */
export class PostError extends Error {
  override readonly name = "PostError";
}
