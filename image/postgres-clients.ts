/**
 * Installs pg_dump, pg_restore and psql in an image: node postgres-clients.ts <packages> <programs> <major>…
 *
 * Unpacks packages of Debian into the first folder. In the second one, `<major>/bin` gets scripts that start the unpacked programs with their own
 * libraries: slipway looks for installed versions in /usr/lib/postgresql. A major that no release of Debian has is served by the next newer one.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPostgresClients, type PostgresClients, type ProgramCommand } from "../backup/postgres/clients.ts";
import { currentUser } from "../local/servers/user.ts";

const [packages, programs, ...majors] = process.argv.slice(2);
if (packages === undefined || programs === undefined || majors.length === 0)
  throw new Error("Usage: node postgres-clients.ts <folder of packages> <folder of programs> <major>…");

// All are found before the first script is written, which slipway would take for an installed program.
const found: PostgresClients[] = [];
for (const major of majors) {
  const clients = await findPostgresClients(Number(major), { cache: packages, user: currentUser }, { env: {} });
  console.log(`Postgres ${major}: pg_dump ${clients.version}`);
  found.push(clients);
}
for (const { major, program } of found) {
  const folder = join(programs, String(major), "bin");
  mkdirSync(folder, { recursive: true });
  for (const name of ["pg_dump", "pg_restore", "psql"] as const)
    writeFileSync(join(folder, name), formatScript(program(name)), { mode: 0o755 });
}
for (const entry of readdirSync(packages, { recursive: true, withFileTypes: true }))
  if (entry.isDirectory() && /\/usr\/share\/(locale|man)$/.test(join(entry.parentPath, entry.name)))
    rmSync(join(entry.parentPath, entry.name), { recursive: true });

/** `exec`, so that a signal to the script reaches the program. */
function formatScript({ file, args }: ProgramCommand): string {
  return `#!/bin/sh\nexec ${[file, ...args].map((word) => `'${word}'`).join(" ")} "$@"\n`;
}
