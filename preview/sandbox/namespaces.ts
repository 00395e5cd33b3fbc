/**
 * The sandbox of util-linux, for a system without bubblewrap: the same namespaces and file system, built by a script, without a filter of system calls.
 */
import { type Box, findExecutable, type Sandbox, SCRATCH, SCRATCH_MIB } from "./box.ts";
import { filesOf, nodeFiles } from "./node-files.ts";

/** Leave the old root, and give up every capability: they have to be in the new root. */
const INSIDE = ["umount", "setpriv"] as const;

export async function namespaces(): Promise<Sandbox | undefined> {
  const [unshare, setpriv] = [findExecutable("unshare"), findExecutable("setpriv")];
  const inside = INSIDE.map(findExecutable);
  if (unshare === undefined || setpriv === undefined || inside.includes(undefined)) return undefined;
  const tools = (await Promise.all(inside.map((tool) => filesOf(tool!)))).flat();
  const files = [...new Set([...nodeFiles(), ...tools])];
  const isRoot = process.getuid?.() === 0;
  return {
    name: "namespaces",
    wrap: (box, command) => [
      ...[setpriv, "--pdeathsig", "KILL", ...(isRoot ? ["--clear-groups"] : [])],
      ...[unshare, "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--cgroup", ...(box.network ? [] : ["--net"])],
      ...["--fork", "--kill-child", "/bin/sh", "-euc", SCRIPT, "sandbox"],
      ...argumentsOf(box, files),
      ...command,
    ],
  };
}

/** How many mounts, each as kind, source and target; the directory; how many variables, each as NAME=value. */
function argumentsOf({ readable, writable, directory, env }: Box, files: readonly string[]): string[] {
  // Last what may be inside of another one: Node can be among the packages.
  const mounts = [
    ...readable.map(({ from, to }) => ["ro", from, to]),
    ...writable.map(({ from, to }) => ["rw", from, to]),
    ...files.map((file) => ["ro", file, file]),
  ];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [String(mounts.length), ...mounts.flat(), directory, String(variables.length), ...variables];
}

/**
 * A remount has to repeat the flags that the source's file system has and a user may not remove, which is why it tries several.
 * A shell keeps running without its own file, so it can run the tools of the new root after it has left the old one.
 */
const SCRIPT = `
PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
umask 022
# Hidden while the new root is built, so a folder that has no source.
root=/sys
mount -t tmpfs -o size=16m,mode=755,nosuid,nodev tmpfs "$root"
cd "$root"
mkdir old proc dev tmp
# Before the mounts, of which some can be below it.
mount -t tmpfs -o size=${SCRATCH_MIB}m,mode=700,nosuid,nodev tmpfs .${SCRATCH}
mount -t proc -o nosuid,nodev,noexec proc proc
for device in null zero full random urandom; do : > "dev/$device"; mount --bind "/dev/$device" "dev/$device"; done
ln -s /proc/self/fd dev/fd
protect() {
  for flags in "" ,noexec ,noatime ,noexec,noatime; do
    if mount -o "remount,bind,$1,nosuid,nodev$flags" "$2" 2>/dev/null; then return 0; fi
  done
  echo "The sandbox could not be built: $2 cannot be protected" >&2
  exit 1
}
left=$1; shift
while [ "$left" -gt 0 ]; do
  kind=$1 source=$2 target=.$3; shift 3
  if [ -d "$source" ]; then mkdir -p "$target"; else mkdir -p "\${target%/*}"; [ -e "$target" ] || : > "$target"; fi
  mount --rbind "$source" "$target"
  protect "$kind" "$target"
  while read -r _ point _; do
    case "$point" in "$root\${target#.}"/*) protect "$kind" "$(printf %b "$point")" ;; esac
  done < /proc/self/mounts
  left=$((left - 1))
done
ip link set lo up 2>/dev/null || true
hostname sandbox 2>/dev/null || true
echo 0 > /proc/sys/user/max_user_namespaces 2>/dev/null || true
mount -o remount,bind,ro,nosuid,nodev .
directory=$1; shift
left=$1; shift
for name in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do [ "$name" = PATH ] || unset "$name"; done
setpriv=$(command -v setpriv)
pivot_root . old
cd /
umount -l /old
# The variables of the box, PATH included, only now: the tools above are found by it.
while [ "$left" -gt 0 ]; do export "$1"; shift; left=$((left - 1)); done
cd "$directory"
exec "$setpriv" --no-new-privs --inh-caps=-all --bounding-set=-all --securebits=+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked -- "$@"
`;
