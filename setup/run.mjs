/**
 * The front door: `npm start`, `npm stop`, `npm test`, `npm run proof` and `npm run build` come through here.
 *
 * Plain JavaScript without a dependency, because it runs before anything is installed, on whatever Node the machine has (18 or newer).
 * It makes the checkout ready, says what it did, and hands over to the real thing.
 */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { checks, proof } from "./checks.mjs";
import { run } from "./child.mjs";
import { ensureDependencies } from "./dependencies.mjs";
import { ensureNode } from "./node.mjs";
import { fromSystem, Plain } from "./say.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const verbs = { start, stop, test: checks, proof, build };

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]) {
  try {
    if (!Object.hasOwn(verbs, name ?? ""))
      throw new Plain(`What is "${name ?? ""}"? Type: npm start, npm stop, npm test, npm run proof, or npm run build`);
    await ensureDependencies(root);
    const node = await ensureNode(root);
    process.env.PATH = [path.join(root, "node_modules", ".bin"), path.dirname(node), process.env.PATH].join(path.delimiter);
    return await verbs[name]({ root, node, args });
  } catch (error) {
    const plain = fromSystem(error, root);
    if (plain === undefined) throw error;
    process.stderr.write(`\n${plain.message}\n`);
    return 1;
  }
}

/** The whole platform on this machine, left running. */
function start({ root, node, args }) {
  return run(node, [path.join(root, "bin", "slipway.js"), "local", "up", ...args], { cwd: root });
}

function stop({ root, node, args }) {
  return run(node, [path.join(root, "bin", "slipway.js"), "local", "down", ...args], { cwd: root });
}

/** dist/ from nothing: a file that is gone from the source must not live on in the package. */
async function build({ root, node, args }) {
  fs.rmSync(path.join(root, "dist"), { recursive: true, force: true });
  return run(node, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", ...args], { cwd: root });
}
