/** Runs the blocks of one page in one shell, as a reader types them. */
import { spawn } from "node:child_process";
import type { Block } from "./blocks.ts";

export interface Ended {
  readonly code: number | null;
  /** What the shell and its commands printed, each command with "+ " before it. */
  readonly output: string;
}

/** A command that runs until Ctrl-C is ready once it prints an address; as in a terminal, Ctrl-C goes to its whole process group. */
const PRELUDE = `
set -e -o pipefail
background=
stop_background() {
  [ -n "$background" ] || return 0
  local group=$background code=0
  background=
  kill -INT -- "-$group" 2> /dev/null || true
  wait "$group" || code=$?
  cat "$background_log"; rm -f "$background_log"
  # npx turns a Ctrl-C into 130, whatever its command ends with.
  [ "$code" = 0 ] || [ "$code" = 130 ] || { echo "a command in the background ended with $code"; exit "$code"; }
}
start_background() {
  stop_background
  background_log=$(mktemp)
  set -m
  bash -c "$1" > "$background_log" 2>&1 < /dev/null &
  background=$!
  set +m
  until grep -q 'https\\?://' "$background_log"; do
    kill -0 "$background" 2> /dev/null || { cat "$background_log"; echo "it ended by itself: $1"; wait "$background"; exit 1; }
    sleep 0.1
  done
}
trap '[ -z "$background" ] || kill -KILL -- "-$background"' EXIT
`;

export function scriptOf(blocks: readonly Block[]): string {
  const parts = blocks.map((block) => [`echo '@ ${block.at}'`, ...linesOf(block)].join("\n"));
  return [PRELUDE, ...parts, "stop_background", "echo '@ end'", ""].join("\n");
}

function linesOf({ text, isBackground, exit }: Block): string[] {
  if (isBackground) return backgroundLines(text);
  if (exit === 0) return ["set -x", text, "{ set +x; } 2> /dev/null"];
  return ["code=0", `(\n${text}\n) || code=$?`, `[ "$code" = ${exit} ] || { echo "it ended with $code, not ${exit}"; exit 1; }`];
}

const backgroundLines = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("#"))
    .map((line) => `start_background '${line.replaceAll("'", "'\\''")}'`);

export function runBlocks(blocks: readonly Block[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const shell = spawn("bash", ["-c", scriptOf(blocks)], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return new Promise((resolve, reject) => {
    shell.once("error", reject);
    // Not "close": the local platform's daemon outlives the shell.
    shell.once("exit", (code) => setImmediate(() => resolve({ code, output })));
  });
}
