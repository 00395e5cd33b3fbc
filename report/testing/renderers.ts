/** Markdown as GitHub reads it: micromark's GitHub flavour, and cmark-gfm itself where it is on the PATH or among Debian's packages. */
import { spawnSync } from "node:child_process";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import {
  fetchPackages,
  findUnpackedProgram,
  type PackageCache,
  type PackagedProgram,
  type Program,
} from "../../local/servers/packages/packages.ts";
import { REAL_CACHE } from "../../local/servers/testing/servers.ts";
import { currentUser } from "../../local/servers/user.ts";

export interface Renderer {
  readonly name: string;
  /** Raw HTML comes through, as it does on GitHub before its own sanitizer. */
  render(markdown: string): string;
}

const CMARK: PackagedProgram = { name: "cmark-gfm", choices: [{ packages: ["cmark-gfm"], file: "usr/bin/cmark-gfm" }] };
const SHELF: PackageCache = { cache: REAL_CACHE, user: currentUser };
const EXTENSIONS = ["table", "strikethrough", "autolink", "tagfilter", "tasklist"].flatMap((name) => ["-e", name]);

export async function renderers(): Promise<Renderer[]> {
  const micro: Renderer = {
    name: "micromark",
    render: (markdown) => micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true }),
  };
  const cmark = await findCmark();
  if (typeof cmark === "string") {
    process.stdout.write(`There is no cmark-gfm (${cmark}), so comments are rendered with micromark alone.\n`);
    return [micro];
  }
  return [micro, { name: "cmark-gfm", render: (markdown) => run(cmark, markdown) }];
}

function run({ file, env }: Program, input: string): string {
  const { status, stdout, stderr } = spawnSync(file, ["--unsafe", ...EXTENSIONS], {
    input,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`cmark-gfm: ${stderr}`);
  return stdout;
}

/** @returns why there is none, where there is none */
async function findCmark(): Promise<Program | string> {
  if (spawnSync("cmark-gfm", ["--version"]).status === 0) return { file: "cmark-gfm", env: {} };
  try {
    if (!findUnpackedProgram(SHELF, CMARK)) await fetchPackages(SHELF, [CMARK]);
  } catch (error) {
    return (error as Error).message.split("\n")[0] ?? "";
  }
  return findUnpackedProgram(SHELF, CMARK) ?? "it was fetched and is not there";
}
