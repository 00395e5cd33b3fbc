/** An export to two copies in a process of its own, which kills itself before the write with a given number. Prints the number of writes. */
import { parseSigningKey } from "../../../backup/signature.ts";
import { openStore } from "../../../backup/store/location.ts";
import type { ObjectStore } from "../../../backup/store/object-store.ts";
import { MAPPING } from "../../../data/testing/fixture.ts";
import { exportToCopies } from "../export-to-copies.ts";

export interface Work {
  readonly url: string;
  /** S3 addresses. */
  readonly copies: readonly [string, string];
  readonly storeKey: string;
  readonly recipient: string;
  readonly signingKey: string;
  /** 0: never */
  readonly killAt: number;
}

const { url, copies, storeKey, recipient, signingKey: text, killAt } = JSON.parse(process.argv[2]!) as Work;
let writes = 0;
const onWrite = () => {
  if (++writes === killAt) process.kill(process.pid, "SIGKILL");
};
const open = async (address: string): Promise<ObjectStore> => {
  const store = await openStore({ url: address, key: storeKey });
  return {
    ...store,
    writeStream: async (...args) => {
      onWrite();
      await store.writeStream(...args);
    },
    write: async (...args) => {
      onWrite();
      return await store.write(...args);
    },
  };
};
const signingKey = parseSigningKey(text);
const repository = { copies: [await open(copies[0]), await open(copies[1])] as const, verifyKeys: [signingKey.publicKey] };
await exportToCopies({ system: "shop", mapping: MAPPING, connection: { url }, repository, recipients: [recipient], signingKey });
console.log(writes);
