/** Something is wrong with the project's files, or with what was asked of them; the message says what, where, and what to do. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
}
