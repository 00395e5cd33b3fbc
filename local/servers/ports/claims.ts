import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isProtectedFolder } from "../files.ts";
import { isRunning } from "../is-running.ts";

/**
 * Which of this user's platforms has which port. A port is assigned some time before its server listens on it, and again between the end of
 * one server and the start of the next, so checking which process listens is not enough to keep two platforms apart.
 *
 * Claims are advisory: where they cannot be kept, every claim succeeds, and a port is then checked only for a process that listens on it.
 */
export interface PortClaims {
  /** @returns false where another running platform has claimed the port. */
  claim(port: number): boolean;
  release(port: number): void;
}

const ATTEMPTS = 5;

/**
 * @param directory Where this platform keeps its state. A claim is void once its process has ended or its directory is gone.
 * @param folder Where the claims are, one file per port. It is in the temporary directory, which every local user can write to, so it is
 * used only while no other user can change what is in it.
 */
export function openPortClaims(directory: string, folder = join(tmpdir(), `slipway-ports-${process.getuid?.() ?? "user"}`)): PortClaims {
  const own = `${process.pid} ${directory}`;
  const fileOf = (port: number) => join(folder, String(port));

  return {
    claim(port) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        return !isProtectedFolder(folder) || claimFile(fileOf(port), own);
      } catch {
        // A full or read-only disk, or a file system without hard links, must not stop the platform.
        return true;
      }
    },
    release(port) {
      try {
        if (isProtectedFolder(folder) && read(fileOf(port)) === own) removeClaim(fileOf(port), own);
      } catch {
        // The claim ends with this process.
      }
    },
  };
}

function claimFile(file: string, own: string): boolean {
  const draft = temporaryName(file);
  try {
    // Written under another name and then linked, so that no process reads a claim that is only half written.
    writeFileSync(draft, own, { flag: "wx", mode: 0o600 });
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (linkUnlessExists(draft, file)) return true;
      const holder = read(file);
      if (holder === own) return true;
      if (holder === undefined) continue;
      if (isHeld(holder) && directoryOf(holder) !== directoryOf(own)) return false;
      removeClaim(file, holder);
    }
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the claim only if it is still the expected one: another process may have replaced it since it was read. */
function removeClaim(file: string, expected: string): void {
  const aside = temporaryName(file);
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (read(aside) !== expected) linkUnlessExists(aside, file);
  rmSync(aside, { force: true });
}

const temporaryName = (file: string): string => `${file}.${randomBytes(6).toString("hex")}`;

function linkUnlessExists(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const directoryOf = (claim: string): string => claim.slice(claim.indexOf(" ") + 1);

function isHeld(claim: string): boolean {
  const pid = Number.parseInt(claim, 10);
  return pid > 0 && isRunning(pid) && existsSync(directoryOf(claim));
}
