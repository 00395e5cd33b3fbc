/** What `migrate new` writes, and how a file is known that nobody has written anything into yet. */
import type { Finding } from "./finding.ts";

const DOWN = /\.down\.sql$/;

export function templateOf(name: string): string {
  if (name.startsWith("R_")) return "-- Applied again whenever this text changes: CREATE OR REPLACE …\n";
  if (!DOWN.test(name)) return "-- What it changes, and why.\n";
  const forward = name.replace(DOWN, ".sql");
  return `-- Takes ${forward} back. Where that cannot be, delete this file and say why in ${forward}:\n-- slipway: irreversible <reason>\n`;
}

/** Applied as it is, it could not be written any more; taken back as it is, nothing would be. */
export function unwritten({ name, text }: { readonly name: string; readonly text: string }): Finding[] {
  if (text.trim() !== templateOf(name).trim()) return [];
  return [
    {
      rule: "unwritten",
      severity: "error",
      file: name,
      message: "It is as `slipway migrate new` made it, and does nothing yet.",
      fix: DOWN.test(name)
        ? "Write how to take it back, or delete this file and say in the other why that cannot be: -- slipway: irreversible <reason>"
        : "Write it, or delete it, and its way back with it.",
    },
  ];
}
