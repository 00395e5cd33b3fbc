/** `slipway backup extract`: the files of an export or an archive, as a folder. */
import path from "node:path";
import { JSON_KINDS, type JsonKind } from "../../backup/json-archive.ts";
import { formatStored, readJsonInventory, type StoredFiles } from "../../backup/json-inventory.ts";
import { isFuture } from "../../backup/retention.ts";
import { stableJson } from "../../engine/mask.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import { type BackupEnvironment, openEnvironment } from "./environment.ts";
import { withFailuresOf } from "./failures.ts";
import type { ExtractOptions } from "./flags.ts";
import { JSON_EXPORT } from "./sources.ts";
import { formatExtracted, formatUnusable } from "./text.ts";

export const extract = withFailuresOf(async (time: string | undefined, options: ExtractOptions, { print }) => {
  const { system, part = JSON_EXPORT, to, json } = options;
  if (system === undefined) throw new UsageError("Of which system? --system <name>");
  if (to === undefined) throw new UsageError("Where to? --to <folder>, which is created");
  const kind = JSON_KINDS.find((one) => one === part);
  if (kind === undefined) throw new UsageError(`--part takes ${JSON_KINDS.join(" or ")} here, not "${part}".`);
  const { extractFiles } = await import("../../backup/json-extract.ts");
  const environment = await openEnvironment(options);
  const stored = await findStored(environment, { system, kind, time });
  const [copy] = stored.copies;
  if (copy === undefined) throw new Failure("no-data", 1, `No copy has every file of ${formatStored(stored)}. See: slipway backup status`);
  const identities = stored.manifest.encrypted ? environment.identities(options.identity) : [];
  await extractFiles({ stored, copy, identities, to });
  const { at, files } = stored.manifest;
  const extracted = { stored: formatStored(stored), at, copy: copy.name, folder: path.resolve(to), files };
  print(json ? stableJson(extracted) : formatExtracted(extracted));
  return DONE;
});

interface Wanted {
  readonly system: string;
  readonly kind: JsonKind;
  readonly time: string | undefined;
}

/** The newest one, not the newest one that happens to be readable. */
async function findStored({ repository }: BackupEnvironment, { system, kind, time }: Wanted): Promise<StoredFiles> {
  const { stored, refused } = await readJsonInventory(repository, { system, kind });
  const name = time?.split("/").at(-1);
  const found = stored.filter(({ id }) => name === undefined || id === name);
  const newest = found.findLast(({ manifest }) => !isFuture(new Date(manifest.at))) ?? found.at(-1);
  const untrusted = refused.find(({ key }) => key.endsWith("/manifest.json") && isNewer(key, newest, name));
  if (untrusted !== undefined)
    throw new Failure(
      "refused",
      1,
      `${name === undefined ? "The newest one" : `${system}/${kind}/${name}`} cannot be trusted: ${formatUnusable(untrusted)}. ${newest === undefined ? "See the others: slipway backup list" : `To read the one before it, name it: slipway backup extract ${newest.id}`}`,
    );
  if (newest !== undefined) return newest;
  const make = kind === JSON_EXPORT ? `slipway data export --system ${system}` : `slipway phase archive --system ${system}`;
  throw name === undefined
    ? new Failure("nothing", 1, `There is no ${kind} of ${system}. Make one: ${make}`)
    : new UsageError(`There is no ${kind} of ${system} of ${name}. To see the times: slipway backup list`);
}

function isNewer(key: string, newest: StoredFiles | undefined, name: string | undefined): boolean {
  const id = key.split("/").at(-2)!;
  if (name !== undefined) return id === name && newest === undefined;
  return newest === undefined || id > newest.id;
}
