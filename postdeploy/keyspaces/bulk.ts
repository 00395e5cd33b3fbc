import { Failure } from "../connect/failure.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Names } from "./names.ts";
import type { Tally } from "./tally.ts";
import type { Wire } from "./wire.ts";

const missing = ({ file }: Keyspace) => new Failure("no-bulk", 2, `${file}: mode bulk cannot be run yet. Take mode: guarded.`);

export async function planBulk(_wire: Wire, keyspace: Keyspace, _names: Names): Promise<{ tally: Tally }> {
  throw missing(keyspace);
}

export async function seedBulk(_wire: Wire, keyspace: Keyspace, _names: Names, _onKeys: (keys: number) => void): Promise<Tally> {
  throw missing(keyspace);
}
