/**
 * How many connections an API needs for the users that its product's documents expect, by Little's law: busy connections are requests per second times
 * the seconds that each request spends in the database.
 */

/** Assumptions, because no document names them: an active user sends a request every ten seconds. */
const SECONDS_BETWEEN_REQUESTS = 10;
/** Two statements of 50 ms, the average that FluxStudio's documents expect. */
const DATABASE_SECONDS_PER_REQUEST = 0.1;
/** Requests are not spread evenly. */
const PEAK = 2;

export function connectionsFor(concurrentUsers: number): number {
  return Math.ceil((concurrentUsers / SECONDS_BETWEEN_REQUESTS) * DATABASE_SECONDS_PER_REQUEST * PEAK);
}
