/**
 * The filter of system calls in the sandbox, as a program for the kernel (classic BPF): what a program that declares resources never calls, and
 * kernel exploits do. A refused call fails with EPERM, as if a privilege was missing.
 */

/** Numbers: /usr/include/asm/unistd_64.h and asm-generic/unistd.h. */
const CALLS: Readonly<Record<string, readonly [x64: number | undefined, arm64: number | undefined]>> = {
  ptrace: [101, 117],
  syslog: [103, 116],
  personality: [135, 92],
  pivot_root: [155, 41],
  acct: [163, 89],
  settimeofday: [164, 170],
  mount: [165, 40],
  umount2: [166, 39],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  iopl: [172, undefined],
  ioperm: [173, undefined],
  init_module: [175, 105],
  delete_module: [176, 106],
  quotactl: [179, 60],
  clock_settime: [227, 112],
  kexec_load: [246, 104],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  unshare: [272, 97],
  perf_event_open: [298, 241],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  clock_adjtime: [305, 266],
  setns: [308, 268],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  finit_module: [313, 273],
  kexec_file_load: [320, 294],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  pidfd_getfd: [438, 438],
  mount_setattr: [442, 442],
};

/** Unix, IPv4, IPv6 and netlink, which lists the addresses of loopback. AF_VSOCK, for one, leads out of a virtual machine in any namespace. */
const FAMILIES = [1, 2, 10, 16];

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, { readonly audit: number; readonly index: 0 | 1; readonly socket: number }>> = {
  x64: { audit: 0xc000003e, index: 0, socket: 41 },
  arm64: { audit: 0xc00000b7, index: 1, socket: 198 },
};

const [LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
const [ALLOW, REFUSE] = [0x7fff0000, 0x00050000 | 1];
/** Offsets in struct seccomp_data. */
const [NUMBER, ARCHITECTURE, FIRST_ARGUMENT] = [0, 4, 16];
/** Calls of x32, a second set of numbers for the same calls. */
const X32 = 0x40000000;

/** @returns undefined for a processor whose numbers are not known here */
export function seccompFilter(processor: NodeJS.Architecture = process.arch): Buffer | undefined {
  const architecture = ARCHITECTURES[processor];
  if (architecture === undefined) return undefined;
  const refused = Object.values(CALLS).flatMap((numbers) => numbers[architecture.index] ?? []);
  const refuse = statement(RETURN, REFUSE);
  return Buffer.concat([
    statement(LOAD, ARCHITECTURE),
    jump(JUMP_EQUAL, architecture.audit, 1, 0),
    refuse,
    statement(LOAD, NUMBER),
    jump(JUMP_AT_LEAST, X32, 0, 1),
    refuse,
    ...refused.flatMap((number) => [jump(JUMP_EQUAL, number, 0, 1), refuse]),
    jump(JUMP_EQUAL, architecture.socket, 0, FAMILIES.length + 2),
    statement(LOAD, FIRST_ARGUMENT),
    ...FAMILIES.map((family, index) => jump(JUMP_EQUAL, family, FAMILIES.length - index, 0)),
    refuse,
    statement(RETURN, ALLOW),
  ]);
}

const statement = (code: number, value: number): Buffer => jump(code, value, 0, 0);

/** Jumps over so many instructions. */
function jump(code: number, value: number, ifTrue: number, ifFalse: number): Buffer {
  const instruction = Buffer.alloc(8);
  instruction.writeUInt16LE(code, 0);
  instruction.writeUInt8(ifTrue, 2);
  instruction.writeUInt8(ifFalse, 3);
  instruction.writeUInt32LE(value, 4);
  return instruction;
}
