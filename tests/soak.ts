/**
 * `npm run soak`: what the suite does a few times, done for long. Every kill loop as often as its promise says, and the migration engine's
 * tests on every Postgres. `npm run soak -- migrate`, `-- keyspaces`, `-- backups`, `-- rotation`, `-- rollback`, `-- data`, `-- story` and `-- deployments` run
 * one of them. Exit code 0: all passed, 1: not, 2: bad input.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { MAJORS } from "../postdeploy/migrate/testing/server.ts";

interface Soak {
  readonly about: string;
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const ENGINE = ["up", "down", "contention", "failures", "managed"].map((name) => `postdeploy/migrate/${name}.test.ts`);

const SOAKS: Readonly<Record<string, readonly Soak[]>> = {
  migrate: [
    ...MAJORS.map((major) => ({
      about: `the migration engine on Postgres ${major}`,
      files: [...ENGINE, "postdeploy/roles"],
      env: { SLIPWAY_POSTGRES_MAJOR: String(major) },
    })),
    { about: "200 migrations killed", files: ["postdeploy/migrate/kill.test.ts"], env: { SLIPWAY_KILLS: "200" } },
  ],
  keyspaces: [
    { about: "100 seedings and 100 stores killed", files: ["postdeploy/keyspaces/seed/kill.test.ts"], env: { SLIPWAY_KILLS: "100" } },
  ],
  backups: [
    {
      about: "100 backups, prunes and restores killed, with copies in folders and in Spaces",
      files: ["backup/kill.test.ts"],
      env: { SLIPWAY_KILLS: "100" },
    },
    {
      about: "a restore of 1,000,000 rows of each product",
      files: ["backup/postgres/products.test.ts"],
      env: { SLIPWAY_BACKUP_ROWS: "1000000" },
    },
  ],
  rotation: [
    {
      about: "20 rotations during 100,000 requests, and 100 rotations killed",
      files: ["tests/rotation"],
      env: { SLIPWAY_ROTATIONS: "20", SLIPWAY_REQUESTS: "100000", SLIPWAY_EVERY_MS: "0", SLIPWAY_KILLS: "100" },
    },
  ],
  rollback: [
    {
      about: "100 full rollbacks on the local platform killed, while the apps write",
      files: ["tests/rollback"],
      env: { SLIPWAY_EVERY_MS: "0", SLIPWAY_KILLS: "50" },
    },
    {
      about: "both rollbacks killed before and after each of their steps, while a client writes without a pause",
      files: ["operate/rollback"],
      env: { SLIPWAY_EVERY_MS: "0" },
    },
  ],
  data: [{ about: "100 imports and 100 exports killed", files: ["tests/data/kill.test.ts"], env: { SLIPWAY_KILLS: "100" } }],
  story: [
    {
      about: "from JSON files to Postgres and back during 1,000,000 acknowledged writes, and 100 changes of phase killed",
      files: ["tests/phase/story.test.ts"],
      env: { SLIPWAY_WRITES: "1000000", SLIPWAY_CLIENTS: "32", SLIPWAY_EVERY_MS: "0", SLIPWAY_KILLS: "100" },
    },
  ],
  deployments: [
    {
      about: "60 interrupted ups and 20 interrupted destroys, with Pulumi's CLI",
      files: ["tests/engine/interruptions.test.ts"],
      env: { SLIPWAY_CYCLES: "20", SLIPWAY_REQUIRE_PULUMI: "1" },
    },
  ],
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(SOAKS, name));
if (unknown !== undefined) {
  console.error(`There is nothing to soak called "${unknown}". There is: ${Object.keys(SOAKS).join(", ")}.`);
  process.exit(2);
}

const root = join(import.meta.dirname, "..");
for (const { about, files, env } of Object.entries(SOAKS).flatMap(([name, soaks]) =>
  asked.length === 0 || asked.includes(name) ? soaks : [],
)) {
  console.log(`\n── ${about}`);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const { status } = spawnSync(process.execPath, [vitest, "run", ...files], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exitCode = 1;
}
