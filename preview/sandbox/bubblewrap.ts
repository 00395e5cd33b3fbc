/** The sandbox of bubblewrap, which Debian and most other distributions package: https://github.com/containers/bubblewrap */
import { type Box, FILTER_DESCRIPTOR, findExecutable, type Sandbox, SCRATCH, SCRATCH_MIB } from "./box.ts";
import { nodeFiles } from "./node-files.ts";
import { seccompFilter } from "./seccomp.ts";

/** Of the user who owns no file, on most systems. */
const UID = "65534";

export async function bubblewrap(): Promise<Sandbox | undefined> {
  const program = findExecutable("bwrap");
  if (program === undefined) return undefined;
  const filter = seccompFilter();
  return {
    name: "bubblewrap",
    wrap: (box, command) => [program, ...argumentsOf(box, filter !== undefined), "--", ...command],
    ...(filter && { filter }),
  };
}

function argumentsOf({ readable, writable, directory, env, network = false }: Box, isFiltered: boolean): string[] {
  return [
    ...["--unshare-user", "--unshare-all", ...(network ? ["--share-net"] : [])],
    ...["--disable-userns", "--cap-drop", "ALL", "--uid", UID, "--gid", UID, "--hostname", "sandbox"],
    // Not the terminal of the user, into which a process could type. As the first process of its namespace, it ends only after all others.
    ...["--die-with-parent", "--new-session", "--as-pid-1"],
    ...["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"],
    ...["--size", String(SCRATCH_MIB * 2 ** 20), "--tmpfs", SCRATCH],
    ...nodeFiles().flatMap((file) => ["--ro-bind", file, file]),
    ...readable.flatMap(({ from, to }) => ["--ro-bind", from, to]),
    ...writable.flatMap(({ from, to }) => ["--bind", from, to]),
    ...["--remount-ro", "/"],
    ...["--clearenv", ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value])],
    ...["--chdir", directory],
    ...(isFiltered ? ["--seccomp", String(FILTER_DESCRIPTOR)] : []),
  ];
}
