/** The wire's own speed for keyspaces that are wholly ours: not built yet, and refused rather than done another way. */
import { Failure } from "../connect/failure.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Names } from "./names.ts";
import type { Tally } from "./tally.ts";
import type { Wire } from "./wire.ts";

export function planBulk(_wire: Wire, keyspace: Keyspace, _names: Names): Promise<{ tally: Tally }> {
  return Promise.reject(notYet(keyspace));
}

export function seedBulk(_wire: Wire, keyspace: Keyspace, _names: Names, _onKeys: (keys: number) => void): Promise<Tally> {
  return Promise.reject(notYet(keyspace));
}

function notYet({ file }: Keyspace): Failure {
  return new Failure("no-bulk", 2, `${file}: mode bulk is not there yet. Write mode: guarded; nothing was written.`);
}
