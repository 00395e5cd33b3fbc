/**
 * The boundary around a process that runs or reads what an untrusted commit contains: namespaces of its own, and a file system that has only what it is
 * given.
 *
 * Node's permission model is a second layer in it. Its documentation does not claim that it stops malicious code, and it does not: `node:sqlite` and
 * Unix sockets pass it.
 */
import { once } from "node:events";
import { type Sandbox, startInBox } from "./box.ts";
import { bubblewrap } from "./bubblewrap.ts";
import { namespaces } from "./namespaces.ts";

/** @returns undefined if this system allows no sandbox to this user */
export async function findSandbox(): Promise<Sandbox | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const open of [bubblewrap, namespaces]) {
    const sandbox = await open().catch(() => undefined);
    if (sandbox !== undefined && (await works(sandbox))) return sandbox;
  }
  return undefined;
}

/** Starts Node in an empty box: a kernel or a container can refuse each step. */
export async function works(sandbox: Sandbox): Promise<boolean> {
  const child = startInBox(sandbox, { readable: [], writable: [], directory: "/", env: {} }, [process.execPath, "--version"]);
  child.stdin!.end();
  child.stderr!.resume();
  const closed = once(child, "exit").then(
    ([code]) => code === 0,
    () => false,
  );
  return await closed;
}

export const SANDBOX_MISSING = [
  "The preview runs the program at head, which can be anyone's, in a sandbox, and this system has none.",
  "On Debian and Ubuntu, install one: apt-get install bubblewrap",
  "If it is installed, user namespaces are not allowed here. On Ubuntu: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0. In Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
  "Without a sandbox, the program can read what you can read. If you trust it, add --trust-head.",
].join("\n");
