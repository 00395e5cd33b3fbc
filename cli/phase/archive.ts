/** Runs `slipway phase archive`. */
import path from "node:path";
import { archiveFiles, requireOutside } from "../../backup/json-archive.ts";
import { openFolder } from "../../backup/store/folder.ts";
import { evidenceFolder, writeEvidence } from "../../data/evidence.ts";
import { stableJson } from "../../engine/mask.ts";
import { openEnvironment } from "../backup/environment.ts";
import { DONE } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { ArchiveOptions } from "./flags.ts";
import { withFailures } from "./run.ts";
import { openSubject } from "./subject.ts";
import { formatArchive } from "./text.ts";

/** @returns the exit code. */
export const archive = (options: ArchiveOptions, terminal: Terminal) =>
  withFailures(options, terminal, async () => {
    // Of the folder in which the command was typed.
    const from = path.resolve(options.from);
    const to = options.to === undefined ? undefined : path.resolve(options.to);
    const { system, stack, home } = await openSubject(options, "archive");
    const { copies, ...sealing } = to === undefined ? await openBackups(home) : { copies: [openFolder(to)] };
    for (const { name } of copies) if (path.isAbsolute(name)) await requireOutside(from, name);
    const at = new Date();
    const { prefix, files, bytes } = await archiveFiles({
      ...{ system: system.name, from, copies, at, onFile: (file) => terminal.log(`Archive ${file}`) },
      ...sealing,
    });
    const places = copies.map(({ name }) => `${name}/${prefix}`);
    const record = { kind: "archive" as const, at: at.toISOString(), stack, system: system.name, outcome: "passed", places, files };
    writeEvidence(evidenceFolder(home.state, stack, system.name), record);
    terminal.print(
      options.json ? stableJson({ ...record, bytes }) : formatArchive({ places, files, bytes, isEncrypted: to === undefined }),
    );
    return DONE;
  });

/** Where the backups are, for those who can read them. */
async function openBackups(home: Parameters<typeof openEnvironment>[1]) {
  const environment = await openEnvironment({}, home);
  return { copies: environment.repository.copies, recipients: environment.recipients(), signingKey: environment.signingKey() };
}
