/** One import or export as a process of its own, which a test kills. */
import { exportData } from "../../data/export.ts";
import { importData } from "../../data/import.ts";
import { openSource } from "../../data/source.ts";
import { fluxstudio as mapping } from "../../systems/data/fluxstudio.ts";

export interface Work {
  readonly operation: "import" | "export";
  readonly url: string;
  /** The folder that is read or written. */
  readonly folder: string;
  readonly rejectedFile: string;
}

const { operation, url, folder, rejectedFile } = JSON.parse(process.argv[2]!) as Work;
const common = { connection: { url }, system: "fluxstudio", mapping, rejectedFile };
if (operation === "import") {
  const { outcome } = await importData({ ...common, source: await openSource(mapping, { from: folder }) });
  if (outcome !== "imported") throw new Error(outcome);
} else await exportData({ ...common, to: folder });
