/** Which test file runs which pages. */
import { ROOT } from "../setup/checkout.ts";
import { pagesOf, readBlocks } from "./blocks.ts";

/** It starts and ends the platform itself. */
export const LOCAL = ["docs/local.md"];
/** They start the API without the platform, and run Pulumi's engine where its CLI is installed. */
export const API = ["docs/app-specs.md", "docs/local-api.md", "docs/recover.md"];
/** They use the databases and stores of a running platform. Doctor is first: later pages leave backups that are not rehearsed. */
export const DATABASES = [
  "docs/doctor.md",
  "docs/data.md",
  "docs/verify.md",
  "docs/watch.md",
  "docs/metrics.md",
  "docs/rollback.md",
  "docs/backup.md",
  "docs/keyspaces.md",
  "docs/migrations.md",
  "docs/schemas.md",
  "docs/rotate.md",
  "docs/phases.md",
];

/** Every other page with commands that can be run. */
export const OTHERS = pagesOf(ROOT).filter(
  (page) => ![...LOCAL, ...API, ...DATABASES].includes(page) && readBlocks(ROOT, page).some(({ skip }) => skip === undefined),
);
