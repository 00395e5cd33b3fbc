/** Runs npm and explains its failures. */
import path from "node:path";
import process from "node:process";
import { runQuietly } from "./child.mjs";
import { UserError } from "./output.mjs";

/**
 * Install scripts are off: no dependency needs one, and packages should not run code during an install.
 * Few and short retries: without a network, npm's defaults take minutes.
 */
const FLAGS = [
  "--ignore-scripts",
  "--include=dev",
  "--include=optional",
  "--engine-strict=false",
  "--no-audit",
  "--no-fund",
  "--loglevel=warn",
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=4000",
];

/** @param lock the set-up lock; npm's process id is added to it, because npm may outlive this process */
export async function npm(root, args, lock, what) {
  return runSetupCommand("npm", [...args, ...FLAGS], { cwd: root, env: createEnvironment(root) }, lock, what);
}

/** Runs a set-up command and explains its failure. */
export async function runSetupCommand(command, args, options, lock, what) {
  let result;
  try {
    result = await runQuietly(command, args, { ...options, shell: process.platform === "win32" }, (pid) => lock.shareWith(pid));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new UserError(
      `${command} is not on the PATH. It is part of Node: install Node 20 or newer from https://nodejs.org, then run the same command again.`,
    );
  }
  // npm only warns about a file that it could not unpack, and exits with 0.
  if (result.code !== 0 || result.output.includes("TAR_ENTRY_ERROR")) throw new UserError(explain(result.output, what));
}

/** Removes the `.bin` of this checkout from the PATH, so that an install does not run on the Node that it replaces. */
export function createEnvironment(root) {
  const own = path.join(root, "node_modules", ".bin");
  const search = (process.env.PATH ?? "").split(path.delimiter).filter((entry) => path.resolve(entry) !== own);
  return { ...process.env, PATH: search.join(path.delimiter) };
}

const OFFLINE = [
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ETIMEDOUT",
  "ERR_SOCKET_TIMEOUT",
  "ENOTCACHED",
];
const CERTIFICATE = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
];
const FORBIDDEN = ["E401", "E403", "E404", "ETARGET"];

/** Translates npm's output into the cause and the fix. */
export function explain(output, what) {
  const findCode = (codes) => codes.find((code) => output.includes(code));
  const from = /(?:request to|GET) (https?:\/\/[^/\s]+)/.exec(output)?.[1] ?? "npm's registry";
  if (/signal SIG(INT|TERM|HUP)/.test(output)) {
    return `Stopped before ${what} were installed completely. Run the same command to start again.`;
  }
  if (output.includes("ENOSPC")) {
    return `The disk is full, so ${what} could not be written. Free about 700 MB on the disk of this folder, then run the same command again.`;
  }
  if (findCode(["EROFS", "EACCES", "EPERM"])) {
    return `${capitalize(what)} could not be written: ${findPermissionError(output)}\nMake it writable, or copy this folder to your home directory and start there.`;
  }
  if (findCode(CERTIFICATE)) {
    return `${from} uses a certificate that Node does not trust (${findCode(CERTIFICATE)}), so ${what} could not be downloaded.\nBehind a company proxy, run: export NODE_EXTRA_CA_CERTS=/path/to/its-ca.pem\nThen run the same command again.`;
  }
  if (output.includes("EINTEGRITY")) {
    return `The checksum of a downloaded package differs from package-lock.json, so ${what} could not be installed.\nRun: npm cache clean --force\nThen run the same command again. If the error remains, a proxy or mirror between you and the registry alters packages.`;
  }
  if (findCode(FORBIDDEN)) {
    return `${from} refused the download of ${what} (${findCode(FORBIDDEN)}):\n${selectErrorLines(output)}\nCheck which registry npm uses: npm config get registry`;
  }
  if (findCode(OFFLINE)) {
    return `${from} does not respond (${findCode(OFFLINE)}), so ${what} could not be downloaded. Nothing was changed outside of this folder.\nConnect this machine to a network, then run the same command again. Behind a proxy, first run: npm config set proxy http://HOST:PORT`;
  }
  return `npm could not install ${what}:\n${selectErrorLines(output)}`;
}

const capitalize = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const findPermissionError = (output) => /npm error ((?:Error: )?(?:EROFS|EACCES|EPERM)[^\n]*)/.exec(output)?.[1] ?? "permission denied.";

const selectErrorLines = (output) =>
  output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/A complete log of this run|^npm (warn|notice)|^npm error\s*$|^\s+at /.test(line))
    .slice(0, 6)
    .map((line) => `  ${line.replace(/^npm error /, "")}`)
    .join("\n");
