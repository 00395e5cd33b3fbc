/** Records a side in a sandboxed process: no credentials, few readable files, no network, limited time and output. */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";
import type { Mount, Sandbox } from "../sandbox/box.ts";
import { type CompileCache, LIMITS, type Limits, runSandboxed } from "../sandbox/run.ts";
import type { Recorded } from "./parse.ts";
import { type DescribedProject, selectStacks } from "./project.ts";

export interface Side {
  /** The checkout. */
  readonly tree: string;
  /** The folder of Pulumi.yaml in it, from its top. */
  readonly root: string;
  /** The packages, and where the checkout expects them. Absent if the commit contains its own. */
  readonly modules?: Mount;
  /** @default every stack but `local` */
  readonly stacks?: readonly string[];
  /** Key of the fingerprints, in hex. */
  readonly key: string;
  readonly cache: CompileCache;
}

/** Where the process of a side finds its checkout: the same path for both sides, so that code of the base that is compiled serves the head too. */
const CHECKOUT = "/checkout";

export interface RecordedSide {
  /** Absent if the commit has no project. */
  readonly project?: DescribedProject;
  /** Of every selected stack that has a file. */
  readonly plans: ReadonlyMap<string, Recorded>;
}

/** @throws {ProjectError} if the project cannot be read */
export async function recordSide(side: Side, sandbox: Sandbox, limits: Limits = LIMITS): Promise<RecordedSide> {
  const { tree, root, modules, stacks, key, cache } = side;
  const place = placeIn(sandbox, tree, CHECKOUT);
  const directory = path.join(place.to, root);
  const packages = modules === undefined ? [] : [placeIn(sandbox, modules.from, path.join(place.to, path.relative(tree, modules.to)))];
  const { sent, errors, failure } = await runSandboxed(
    sandbox,
    { script: CHILD, input: { directory, stacks, key }, readable: [place, ...packages, ...OWN], directory: place.to, cache },
    limits,
  );
  // Loaded while the process runs.
  const { parseDescription, parseEmission, UnreadableEmission } = await import("./parse.ts");
  const [described = "", ...rest] = sent.split("\n");
  try {
    const description = parseDescription(described);
    if ("absent" in description) return { plans: new Map() };
    if ("unreadable" in description) throw new ProjectError(description.unreadable.replaceAll(`${place.to}/`, ""));
    const { project } = description;
    const selected = selectStacks(Object.keys(project.stacks), stacks);
    return { project, plans: failure === undefined ? plansIn(rest.join("\n"), selected) : failed(selected, failure) };
  } catch (error) {
    if (!(error instanceof UnreadableEmission)) throw error;
    throw new ProjectError(failure ?? `The project could not be read: ${error.message}.${errors}`);
  }

  function plansIn(text: string, selected: readonly string[]): ReadonlyMap<string, Recorded> {
    try {
      return parseEmission(text, selected);
    } catch (error) {
      if (!(error instanceof UnreadableEmission)) throw error;
      return failed(selected, `The program could not be recorded: ${error.message}.${errors}`);
    }
  }
}

const failed = (stacks: readonly string[], failure: string): ReadonlyMap<string, Recorded> =>
  new Map(stacks.map((stack) => [stack, { failure }]));

/** Without a sandbox, every file is where it is. */
export const placeIn = (sandbox: Sandbox, from: string, to: string): Mount => ({ from, to: sandbox.name === "none" ? from : to });

const HERE = import.meta.dirname;
const ROOT = path.join(HERE, "../..");
const CHILD = path.join(HERE, `child${path.extname(import.meta.filename)}`);
/** Node reads the nearest one to find the module format of a file. */
const MANIFESTS = [path.join(ROOT, "package.json"), path.join(ROOT, "..", "package.json")];

const same = (file: string): Mount => ({ from: file, to: file });

/** The readable part of slipway: the recorder, the catalog that it imports, and its packages. Other files of its checkout can be private. */
const OWN: readonly Mount[] = [
  ...[path.join(ROOT, "engine"), path.join(ROOT, "catalog"), HERE, ...MANIFESTS.filter(existsSync)].map(same),
  ...ownModules(),
];
/** Also the code that reads migrations and keyspaces. */
export const OWN_POSTDEPLOY = [
  ...[path.join(ROOT, "postdeploy"), path.join(ROOT, "report/review.ts"), path.join(ROOT, "report/review.js")].filter(existsSync).map(same),
  ...OWN,
];

/** Where Node looks for slipway's packages: folders above it, which can be links, and the folder that a link to Pulumi's SDK leads to. */
export function ownModules(): readonly Mount[] {
  const linked = path.join(realpathSync(createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json")), "../../..");
  const mounts = new Map([[linked, linked]]);
  for (let folder = ROOT; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const modules = path.join(folder, "node_modules");
    if (existsSync(modules)) mounts.set(modules, realpathSync(modules));
  }
  return [...mounts].map(([to, from]) => ({ from, to }));
}
