/** npm, run quietly, and what its failures mean in plain words. */
import path from "node:path";
import process from "node:process";
import { runQuietly } from "./child.mjs";
import { Plain } from "./say.mjs";

/**
 * Install scripts stay off: nothing here needs one, and none of some three hundred packages gets to run code on this machine.
 * Few, short retries: without a network npm's own would keep a newcomer waiting for minutes.
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

/** @param lock the set-up's lock, which npm's process holds too: it may outlive this one. */
export async function npm(root, args, lock, what) {
  return quietly("npm", [...args, ...FLAGS], { cwd: root, env: hostEnv(root) }, lock, what);
}

/** Runs a set-up command and turns its failure into a sentence. */
export async function quietly(command, args, options, lock, what) {
  let ended;
  try {
    ended = await runQuietly(command, args, { ...options, shell: process.platform === "win32" }, (pid) => lock.shareWith(pid));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new Plain(`${command} is not on the PATH. It comes with Node: install Node 20 or newer from https://nodejs.org and try again.`);
  }
  // npm takes a file that it could not unpack for a warning, and ends well.
  if (ended.code !== 0 || ended.output.includes("TAR_ENTRY_ERROR")) throw new Plain(explain(ended.output, what));
}

/** The environment without this checkout's own `.bin`: an install must not run on the Node that it is about to delete. */
export function hostEnv(root) {
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

/** What npm printed -> what is wrong and what to do about it. Pure, so that every sentence can be tested. */
export function explain(output, what) {
  const told = (codes) => codes.find((code) => output.includes(code));
  const from = /(?:request to|GET) (https?:\/\/[^/\s]+)/.exec(output)?.[1] ?? "npm's registry";
  if (/signal SIG(INT|TERM|HUP)/.test(output)) {
    return `Stopped before ${what} had all arrived. The same command starts again.`;
  }
  if (output.includes("ENOSPC")) {
    return `The disk is full, so ${what} could not be written. Free some 700 MB where this folder is, then type the same command again.`;
  }
  if (told(["EROFS", "EACCES", "EPERM"])) {
    return `${capital(what)} could not be written: ${permission(output)}\nMake that writable for you, or copy this folder to a place of your own and start there.`;
  }
  if (told(CERTIFICATE)) {
    return `${from} showed a certificate that Node does not trust (${told(CERTIFICATE)}), so ${what} could not be fetched.\nBehind a company proxy: export NODE_EXTRA_CA_CERTS=/path/to/its-ca.pem, then type the same command again.`;
  }
  if (output.includes("EINTEGRITY")) {
    return `A downloaded package is not the one that package-lock.json names (checksums differ), so ${what} was refused.\nType: npm cache clean --force\nthen the same command again. If it stays, something between you and the registry alters packages.`;
  }
  if (told(FORBIDDEN)) {
    return `${from} would not give ${what} (${told(FORBIDDEN)}):\n${firstErrors(output)}\nSee which registry npm asks with: npm config get registry`;
  }
  if (told(OFFLINE)) {
    return `No answer from ${from} (${told(OFFLINE)}), so ${what} could not be fetched. Nothing was changed outside this folder.\nOnce this machine has a network, type the same command again. Behind a proxy: npm config set proxy http://HOST:PORT first.`;
  }
  return `npm could not install ${what}:\n${firstErrors(output)}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const permission = (output) => /npm error ((?:Error: )?(?:EROFS|EACCES|EPERM)[^\n]*)/.exec(output)?.[1] ?? "permission denied.";

const firstErrors = (output) =>
  output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/A complete log of this run|^npm (warn|notice)|^npm error\s*$|^\s+at /.test(line))
    .slice(0, 6)
    .map((line) => `  ${line.replace(/^npm error /, "")}`)
    .join("\n");
