/**
 * Engine versions, and until when DigitalOcean creates clusters of each.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07), `version_availability` of GET /v2/databases/options. It is an example in
 * a document, not a live list: `doctl databases options versions` asks the account.
 */

export interface PostgresMajor {
  readonly major: string;
  /** The last day on which a new cluster of it can be created. */
  readonly available: string;
  /** The day on which DigitalOcean upgrades remaining clusters. */
  readonly endOfLife: string;
}

export const POSTGRES_MAJORS: readonly PostgresMajor[] = [
  { major: "13", available: "2025-05-13", endOfLife: "2025-11-13" },
  { major: "14", available: "2026-05-12", endOfLife: "2026-11-12" },
  { major: "15", available: "2027-05-12", endOfLife: "2027-11-11" },
  { major: "16", available: "2028-05-09", endOfLife: "2028-11-09" },
  { major: "17", available: "2029-05-08", endOfLife: "2029-11-08" },
];

export const VALKEY_VERSIONS: readonly string[] = ["8"];

/** The last Redis clusters were created on 2025-04-30. */
export const REDIS_RETIRED = "2025-06-30";

export function findMajor(major: string): PostgresMajor | undefined {
  return POSTGRES_MAJORS.find((candidate) => candidate.major === major);
}

/** The majors of which a new cluster can be created on a day (YYYY-MM-DD). */
export function majorsOn(day: string): string[] {
  return POSTGRES_MAJORS.filter(({ available }) => day <= available).map(({ major }) => major);
}
