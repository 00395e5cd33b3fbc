/** Finds the process that listens on a port, for messages that explain why another port is used. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface PortHolder {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** @returns undefined if no process listens, or if this user is not allowed to see it */
export function findPortHolder(port: number): PortHolder | undefined {
  const pid = process.platform === "linux" ? pidFromProc(port) : pidFromLsof(port);
  return pid === undefined ? undefined : { pid, command: commandOf(pid) };
}

/** "process 812 (node server.js)", or "another process". */
export function describePortHolder(port: number): string {
  const holder = findPortHolder(port);
  if (holder === undefined) return "another process";
  const { pid, command } = holder;
  return `process ${pid} (${command.length > 120 ? `${command.slice(0, 119)}…` : command})`;
}

/** The message for a server whose port another process uses. */
export const describePortChange = (previous: number, server: string, port: number): string =>
  `Port ${previous} is in use by ${describePortHolder(previous)}, so ${server} listens on ${port}.`;

const LISTENING = "0A";

function pidFromProc(port: number): number | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
      readOr(table, "")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(suffix) && state === LISTENING)
        .map((fields) => `socket:[${fields[9]}]`),
    ),
  );
  if (inodes.size === 0) return undefined;
  return listOr("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => listOr(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOr(`/proc/${pid}/fd/${fd}`))));
}

function pidFromLsof(port: number): number | undefined {
  const { stdout } = spawnSync("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"], { encoding: "utf8" });
  const pid = Number.parseInt(stdout ?? "", 10);
  return Number.isNaN(pid) ? undefined : pid;
}

function commandOf(pid: number): string {
  const line =
    process.platform === "linux"
      ? readOr(`/proc/${pid}/cmdline`, "").split("\0").join(" ")
      : (spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "");
  return line.trim() || "unknown";
}

/** A process may exit while /proc is read, and that of another user cannot be read. */
function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback;
  }
}

function listOr(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
