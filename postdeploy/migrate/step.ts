/** The post-deploy step that applies migrations. */
import { type Inputs, target } from "../step.ts";

export const identity = ({ digest, owner, url }: Inputs): unknown => ({ digest, owner, target: target(url) });

/** "2 migrations pending: 006_add_tasks.sql, 007_tighten.sql" */
export function pending(olds: Inputs, news: Inputs): string {
  const before = parseFiles(olds);
  const forward = [...parseFiles(news)]
    .filter(([name, digest]) => !name.endsWith(".down.sql") && before.get(name) !== digest)
    .map(([name]) => name);
  if (forward.length === 0) return "nothing";
  const edited = forward.filter((name) => before.has(name));
  const count = forward.length === 1 ? "1 migration" : `${forward.length} migrations`;
  return `${count} pending: ${forward.join(", ")}${edited.length === 0 ? "" : ` (edited since they were applied: ${edited.join(", ")})`}`;
}

export async function apply({ system, folder, owner, url, ca }: Inputs, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const { up } = await import("./up.ts");
  const { applied } = await up({
    folder: String(folder),
    connection: { url: String(url), ca: String(ca) },
    system: String(system),
    owner: String(owner),
    signal,
  });
  return { applied: applied.map(({ file }) => file) };
}

/** Each entry of the input is "name digest". */
function parseFiles({ files }: Inputs): Map<string, string> {
  return new Map(
    ((files ?? []) as readonly string[]).map((file) => [file.slice(0, file.lastIndexOf(" ")), file.slice(file.lastIndexOf(" ") + 1)]),
  );
}
