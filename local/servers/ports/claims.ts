/**
 * Which platform of this machine has which port. A port is taken some time before its server listens on it, and again between the end of
 * one server and the start of the next: a look at who listens is not enough to keep two platforms apart.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface PortClaims {
  /** Claims the port, unless another running platform has. */
  claim(port: number): boolean;
  release(port: number): void;
}

/** @param directory Where this platform is kept: without it, and without its process, a claim is void. */
export function openPortClaims(directory: string, folder = join(tmpdir(), `slipway-ports-${userInfo().uid}`)): PortClaims {
  const mine = `${process.pid} ${directory}`;
  const fileOf = (port: number) => join(folder, String(port));

  return {
    claim(port) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (;;) {
        try {
          writeFileSync(fileOf(port), mine, { flag: "wx", mode: 0o600 });
          return true;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        const holder = read(fileOf(port));
        if (holder === mine) return true;
        if (holder !== undefined && isHeld(holder)) return false;
        rmSync(fileOf(port), { force: true });
      }
    },
    release(port) {
      if (read(fileOf(port)) === mine) rmSync(fileOf(port), { force: true });
    },
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isHeld(claim: string): boolean {
  const [, pid = "", directory = ""] = /^(\d+) (.*)$/s.exec(claim) ?? [];
  return pid !== "" && runs(Number(pid)) && existsSync(directory);
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
