import { pgbouncer, postgresBinaries, valkeyServer } from "./binaries.ts";
import type { Home } from "./home.ts";
import { postgresTemplate } from "./postgres-template.ts";

/** Everything that has to be done once on a machine, at the same time: downloads, unpacking, the data directory that clusters are copied from. */
export async function prepareServers(home: Home, majors: readonly string[]): Promise<void> {
  const templates = majors.map(async (major) => postgresTemplate(await postgresBinaries(major, home), home));
  await Promise.all([...templates, valkeyServer(home), pgbouncer(home)]);
}
