import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { bits, integer, objectId, octets, sequence, set, tagged, text, time, truth } from "./der.ts";
import { writeSecret } from "./files.ts";

/**
 * The local cloud's own authority and the certificates it signs.
 *
 * Written with node:crypto alone: a server's certificate is 80 lines of DER, where the libraries that make one bring twenty packages, and
 * of those measured only one passed `openssl verify -x509_strict`, which newer Python clients ask for.
 */
export interface Authority {
  /** What clients are given: DigitalOcean's "CA certificate". */
  readonly file: string;
  readonly pem: string;
  /** A certificate and key in `directory`, made anew when it is missing, about to expire, signed by another authority or lacks a name. */
  issue(directory: string, request: Request): Certificate;
}

export interface Request {
  /** @default "localhost" */
  readonly commonName?: string;
  /** Host names and IPv4 addresses beside localhost and 127.0.0.1. @default [] */
  readonly names?: readonly string[];
}

/** Three files in one folder, so that a server that runs as another user is given one folder. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const DAY = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 10 * 365;
/** Apple's clients refuse more than 398 days. */
const SERVER_DAYS = 397;
const RENEW_DAYS = 30;

export function openAuthority(directory: string): Authority {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "ca.crt");
  const keyFile = join(directory, "ca.key");
  if (!isUsable(file, keyFile)) makeAuthority(file, keyFile);
  const pem = readFileSync(file, "utf8");
  const issuer = { certificate: new X509Certificate(pem), key: createPrivateKey(readFileSync(keyFile)) };

  return {
    file,
    pem,
    issue(into, { commonName = "localhost", names = [] }) {
      const paths = { certificate: join(into, "server.crt"), key: join(into, "server.key"), authority: join(into, "ca.crt") };
      const wanted = ["localhost", "127.0.0.1", ...names];
      if (!isUsable(paths.certificate, paths.key, issuer.certificate, wanted)) {
        const { certificate, key } = makeServerCertificate(issuer, commonName, [...new Set(wanted)]);
        writeSecret(paths.key, key);
        writeSecret(paths.certificate, certificate);
        writeSecret(paths.authority, pem);
      }
      return paths;
    },
  };
}

function isUsable(certificateFile: string, keyFile: string, issuer?: X509Certificate, names: readonly string[] = []): boolean {
  try {
    const certificate = new X509Certificate(readFileSync(certificateFile));
    const key = createPrivateKey(readFileSync(keyFile));
    return (
      certificate.checkPrivateKey(key) &&
      Date.parse(certificate.validTo) - Date.now() > RENEW_DAYS * DAY &&
      (!issuer || certificate.verify(issuer.publicKey)) &&
      names.every((name) => (isIPv4(name) ? certificate.checkIP(name) : certificate.checkHost(name)))
    );
  } catch {
    return false;
  }
}

function makeAuthority(file: string, keyFile: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  // The id keeps two checkouts' authorities apart in a client that trusts both.
  const name = `slipway local authority ${randomBytes(4).toString("hex")}`;
  const certificate = signed(privateKey, {
    subject: name,
    issuer: name,
    publicKey,
    issuerKey: publicKey,
    days: AUTHORITY_DAYS,
    extensions: [
      critical("2.5.29.19", sequence(truth(), integer(Buffer.from([0])))), // a CA, and nothing below it is one
      critical("2.5.29.15", bits(Buffer.from([0b0000_0110]), 1)), // keyCertSign, cRLSign
    ],
  });
  writeSecret(keyFile, pemOfKey(privateKey));
  writeSecret(file, certificate);
}

function makeServerCertificate(issuer: { certificate: X509Certificate; key: KeyObject }, subject: string, names: readonly string[]) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const issuerKey = createPublicKey(issuer.key);
  const certificate = signed(issuer.key, {
    subject,
    issuer: commonNameOf(issuer.certificate.subject),
    publicKey,
    issuerKey,
    days: SERVER_DAYS,
    extensions: [
      critical("2.5.29.15", bits(Buffer.from([0b1000_0000]), 7)), // digitalSignature
      extension("2.5.29.37", sequence(objectId("1.3.6.1.5.5.7.3.1"), objectId("1.3.6.1.5.5.7.3.2"))), // serverAuth, clientAuth
      extension("2.5.29.17", sequence(...names.map(subjectName))),
    ],
  });
  return { certificate, key: pemOfKey(privateKey) };
}

interface Contents {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));

function signed(key: KeyObject, contents: Contents): string {
  // An hour back, so that a clock that is a little behind does not find it "not yet valid".
  const from = new Date(Date.now() - 60 * 60 * 1000);
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x40 | (randomBytes(1)[0]! & 0x3f)]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    nameOf(contents.issuer),
    sequence(time(from), time(new Date(from.getTime() + contents.days * DAY))),
    nameOf(contents.subject),
    derOf(contents.publicKey),
    tagged(
      0xa3,
      sequence(
        ...contents.extensions,
        extension("2.5.29.14", octets(keyIdOf(contents.publicKey))),
        extension("2.5.29.35", sequence(tagged(0x80, keyIdOf(contents.issuerKey)))),
      ),
    ),
  );
  return pem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256, bits(sign("sha256", body, key))));
}

const extension = (id: string, value: Buffer) => sequence(objectId(id), octets(value));
const critical = (id: string, value: Buffer) => sequence(objectId(id), truth(), octets(value));
const nameOf = (commonName: string) => sequence(set(sequence(objectId("2.5.4.3"), text(commonName))));
const commonNameOf = (subject: string) => /CN=(.*)/.exec(subject)?.[1] ?? subject;
const subjectName = (name: string) =>
  isIPv4(name) ? tagged(0x87, Buffer.from(name.split(".").map(Number))) : tagged(0x82, Buffer.from(name));
const derOf = (key: KeyObject) => key.export({ type: "spki", format: "der" });
/** RFC 5280 4.2.1.2 (1): the hash of the key's bits; on P-256 those are the last 65 bytes. */
const keyIdOf = (key: KeyObject) => createHash("sha1").update(derOf(key).subarray(-65)).digest();
const pemOfKey = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }) as string;
const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;
