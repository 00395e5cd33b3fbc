/**
 * The entry point of `npm start`, `npm stop`, `npm test`, `npm run proof` and `npm run build`.
 *
 * Plain JavaScript without dependencies, because it runs before anything is installed, on Node 18 or newer.
 * Installs what the checkout needs, then runs the command.
 */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { checks, proof } from "./checks.mjs";
import { run } from "./child.mjs";
import { ensureDependencies } from "./dependencies.mjs";
import { ensureNode } from "./node.mjs";
import { toUserError, UserError } from "./output.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const verbs = { start, stop, test: checks, proof, build };

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]) {
  try {
    if (!Object.hasOwn(verbs, name ?? ""))
      throw new UserError(`Unknown command "${name ?? ""}". Run npm start, npm stop, npm test, npm run proof or npm run build.`);
    await ensureDependencies(root);
    const node = await ensureNode(root);
    process.env.PATH = [path.join(root, "node_modules", ".bin"), path.dirname(node), process.env.PATH].join(path.delimiter);
    return await verbs[name]({ root, node, args });
  } catch (error) {
    const userError = toUserError(error, root);
    if (userError === undefined) throw error;
    process.stderr.write(`\n${userError.message}\n`);
    return 1;
  }
}

/** Starts the whole platform on this machine and leaves it running. */
function start({ root, node, args }) {
  return run(node, [path.join(root, "bin", "slipway.js"), "local", "up", ...args], { cwd: root });
}

function stop({ root, node, args }) {
  return run(node, [path.join(root, "bin", "slipway.js"), "local", "down", ...args], { cwd: root });
}

/** Empties dist/ first, so that the package contains no file that was removed from the source. */
async function build({ root, node, args }) {
  fs.rmSync(path.join(root, "dist"), { recursive: true, force: true });
  return run(node, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", ...args], { cwd: root });
}
