/** The content of a new file, and the check that a file is no longer as it was created. */
import type { Finding } from "./finding.ts";

const DOWN = /\.down\.sql$/;

export function templateFor(name: string): string {
  if (name.startsWith("R_")) return "-- Applied again whenever this text changes: CREATE OR REPLACE …\n";
  if (!DOWN.test(name)) return "-- What this migration changes, and why.\n";
  const forward = name.replace(DOWN, ".sql");
  return `-- Reverts ${forward}. If that is not possible, delete this file and add to ${forward}:\n-- slipway: irreversible <reason>\n`;
}

/** An unedited template is an error: once applied, the file could not be edited any more. */
export function templateFindings({ name, text }: { readonly name: string; readonly text: string }): Finding[] {
  if (text.trim() !== templateFor(name).trim()) return [];
  return [
    {
      rule: "unwritten",
      severity: "error",
      file: name,
      message: "The file is unchanged since `slipway migrate new` created it, and does nothing.",
      fix: DOWN.test(name)
        ? "Write the down migration, or delete this file and add to the forward file: -- slipway: irreversible <reason>"
        : "Write the migration, or delete the file and its down migration.",
    },
  ];
}
