/**
 * The commands of a page: its fenced `sh` blocks, in order. What stands after `sh` says how a block is run:
 *
 *   ```sh                       line by line in one shell for the whole page, and each command has to succeed
 *   ```sh background            each command runs in the background and is awaited until it prints an address; the next one, or the end of
 *                               the page, sends it Ctrl-C, and it has to end by that
 *   ```sh needs=psql,pulumi     only where these programs are on the PATH; "sandbox": where this system allows one
 *   ```sh exit=2                one command, which ends with this code, as the page says
 *   ```sh skip=account          never: it needs an account in a cloud, a token or a secret
 *   ```sh skip=admin            never: it changes the machine
 *   ```sh skip=database         never: it needs a database that was there before slipway
 *   ```sh skip=suite            never: it is the test suite, or a part of it
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Block {
  /** "docs/local.md:12" */
  readonly at: string;
  readonly text: string;
  readonly needs: readonly string[];
  readonly isBackground: boolean;
  /** The exit code of its only command. */
  readonly exit: number;
  readonly skip: string | undefined;
}

const REASONS = ["account", "admin", "database", "suite"];

/** Every page of which the commands are run, by its path in the repository. */
export function pagesOf(root: string): string[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.sort().map((name) => `docs/${name}`), "local/api/README.md"];
}

export const readBlocks = (root: string, page: string): Block[] => blocksOf(page, readFileSync(join(root, page), "utf8"));

export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const [, fence, info] = /^ *(`{3,})(.*)$/.exec(line) ?? [];
    if (open !== undefined && fence !== undefined && fence.length >= open.fence.length && info?.trim() === "") {
      if (open.info.split(/\s+/)[0] === "sh") blocks.push(block(page, open));
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (fence !== undefined) open = { fence, info: (info ?? "").trim(), line: index + 1, lines: [] };
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: this block is never closed.`);
  return blocks;
}

function block(page: string, { info, line, lines }: { info: string; line: number; lines: readonly string[] }): Block {
  const at = `${page}:${line}`;
  const marks = info.split(/\s+/).slice(1);
  const value = (name: string) => marks.find((mark) => mark.startsWith(`${name}=`))?.slice(name.length + 1);
  const skip = value("skip");
  const unknown = marks.find((mark) => mark !== "background" && !/^(needs=.|skip=.|exit=\d)/.test(mark));
  if (unknown !== undefined) throw new Error(`${at}: there is no mark "${unknown}". See tests/docs/blocks.ts.`);
  if (skip !== undefined && !REASONS.includes(skip)) throw new Error(`${at}: skip takes ${REASONS.join(", ")}, not "${skip}".`);
  return {
    at,
    text: lines.join("\n"),
    needs: value("needs")?.split(",") ?? [],
    isBackground: marks.includes("background"),
    exit: Number(value("exit") ?? 0),
    skip,
  };
}
