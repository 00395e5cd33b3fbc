/** A problem with the project's files or with the user's input; the message says what, where, and what to do. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
}
