/**
 * An error as DigitalOcean's API returns it: HTTP status, error id and message. The HTTP API sends all three; the program side shows the
 * message.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.id = id;
  }
}

export const badRequest = (message: string) => new ApiError(400, "bad_request", message);
export const forbidden = (message: string) => new ApiError(403, "forbidden", message);
export const notFound = (message = "The resource you were accessing could not be found.") => new ApiError(404, "not_found", message);
export const conflict = (message: string) => new ApiError(409, "conflict", message);
export const notReady = (message: string) => new ApiError(412, "precondition_failed", message);
export const unprocessable = (message: string) => new ApiError(422, "unprocessable_entity", message);

/** Returns the value, or throws a 404 if it is undefined. */
export function orNotFound<T>(value: T | undefined, message?: string): T {
  if (value === undefined) throw notFound(message);
  return value;
}
