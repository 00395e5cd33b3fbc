/**
 * The process that `startProbe` starts with the variables of a component. It reads a key from stdin and prints, for every variable, fingerprints of its
 * value and of the password if the value is a URL. It prints no value.
 */
import { fingerprintsOf } from "./fingerprint.ts";

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const key = Buffer.concat(chunks).toString();
const fingerprints = Object.entries(process.env).map(([variable, value = ""]) => [variable, fingerprintsOf(value, key)]);
process.stdout.write(JSON.stringify(Object.fromEntries(fingerprints)));
