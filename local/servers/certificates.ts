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
import { writeSecret } from "./files.ts";

/**
 * The certificate authority of the local cloud.
 *
 * Certificates are built with node:crypto alone. The libraries for it bring twenty packages, and only one of those tried passed
 * `openssl verify -x509_strict`, which newer Python clients require.
 */
export interface Authority {
  /** The file that clients trust: DigitalOcean's "CA certificate". */
  readonly file: string;
  readonly pem: string;
  /** Writes a certificate and key to `directory`, unless there is one that has all names, was signed by this authority and does not expire soon. */
  issue(directory: string, request: CertificateRequest): Certificate;
}

export interface CertificateRequest {
  /** @default "localhost" */
  readonly commonName?: string;
  /** Host names and IPv4 addresses in addition to localhost and 127.0.0.1. @default [] */
  readonly names?: readonly string[];
  /** How long it is valid. @default 397 */
  readonly days?: number;
}

/** Paths of three files in one folder, which can change owner as a whole. */
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
  if (!isUsable(file, keyFile)) createAuthority(file, keyFile);
  const pem = readFileSync(file, "utf8");
  const issuer = { certificate: new X509Certificate(pem), key: createPrivateKey(readFileSync(keyFile)) };

  return {
    file,
    pem,
    issue(into, { commonName = "localhost", names = [], days = SERVER_DAYS }) {
      const paths = { certificate: join(into, "server.crt"), key: join(into, "server.key"), authority: join(into, "ca.crt") };
      const required = ["localhost", "127.0.0.1", ...names];
      if (!isUsable(paths.certificate, paths.key, issuer.certificate, required)) {
        const { certificate, key } = createServerCertificate(issuer, commonName, [...new Set(required)], days);
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

function createAuthority(file: string, keyFile: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  // A client may trust the authorities of two checkouts, so each has a name of its own.
  const name = `slipway local authority ${randomBytes(4).toString("hex")}`;
  const certificate = signCertificate(privateKey, {
    subject: name,
    issuer: name,
    publicKey,
    issuerKey: publicKey,
    days: AUTHORITY_DAYS,
    extensions: [
      critical("2.5.29.19", sequence(booleanTrue(), integer(Buffer.from([0])))), // CA, path length 0
      critical("2.5.29.15", bits(Buffer.from([0b0000_0110]), 1)), // keyCertSign, cRLSign
    ],
  });
  writeSecret(keyFile, pemOfKey(privateKey));
  writeSecret(file, certificate);
}

function createServerCertificate(
  issuer: { certificate: X509Certificate; key: KeyObject },
  subject: string,
  names: readonly string[],
  days: number,
) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const issuerKey = createPublicKey(issuer.key);
  const certificate = signCertificate(issuer.key, {
    subject,
    issuer: commonNameOf(issuer.certificate.subject),
    publicKey,
    issuerKey,
    days,
    extensions: [
      critical("2.5.29.15", bits(Buffer.from([0b1000_0000]), 7)), // digitalSignature
      extension("2.5.29.37", sequence(objectId("1.3.6.1.5.5.7.3.1"), objectId("1.3.6.1.5.5.7.3.2"))), // serverAuth, clientAuth
      extension("2.5.29.17", sequence(...names.map(subjectName))),
    ],
  });
  return { certificate, key: pemOfKey(privateKey) };
}

interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

function signCertificate(key: KeyObject, fields: CertificateFields): string {
  // Valid from an hour ago: the clock of a container may be a little behind.
  const from = new Date(Date.now() - 60 * 60 * 1000);
  const algorithm = sequence(objectId("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x40 | (randomBytes(1)[0]! & 0x3f)]), randomBytes(15)])),
    algorithm,
    nameOf(fields.issuer),
    sequence(time(from), time(new Date(from.getTime() + fields.days * DAY))),
    nameOf(fields.subject),
    derOf(fields.publicKey),
    tagged(
      0xa3,
      sequence(
        ...fields.extensions,
        extension("2.5.29.14", octets(keyIdOf(fields.publicKey))),
        extension("2.5.29.35", sequence(tagged(0x80, keyIdOf(fields.issuerKey)))),
      ),
    ),
  );
  return pem("CERTIFICATE", sequence(body, algorithm, bits(sign("sha256", body, key))));
}

const extension = (id: string, value: Buffer) => sequence(objectId(id), octets(value));
const critical = (id: string, value: Buffer) => sequence(objectId(id), booleanTrue(), octets(value));
const nameOf = (commonName: string) => sequence(set(sequence(objectId("2.5.4.3"), text(commonName))));
const commonNameOf = (subject: string) => /CN=(.*)/.exec(subject)?.[1] ?? subject;
const subjectName = (name: string) =>
  isIPv4(name) ? tagged(0x87, Buffer.from(name.split(".").map(Number))) : tagged(0x82, Buffer.from(name));
const derOf = (key: KeyObject) => key.export({ type: "spki", format: "der" });
/** RFC 5280 4.2.1.2 (1): the SHA-1 of the key's bits, which are the last 65 bytes for P-256. */
const keyIdOf = (key: KeyObject) => createHash("sha1").update(derOf(key).subarray(-65)).digest();
const pemOfKey = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }) as string;
const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;

// ── DER (X.690): every value is a tag, a length and its contents ──────────────────────────────────────────────────────────────────────

function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body), body]);
}

function lengthOf(body: Buffer): Buffer {
  if (body.length < 0x80) return Buffer.from([body.length]);
  const bytes = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

const sequence = (...items: readonly Uint8Array[]) => tagged(0x30, ...items);
const set = (...items: readonly Uint8Array[]) => tagged(0x31, ...items);
const octets = (contents: Uint8Array) => tagged(0x04, contents);
/** The leading byte is the number of unused bits in the last one. */
const bits = (contents: Uint8Array, unused = 0) => tagged(0x03, Buffer.from([unused]), contents);
const text = (value: string) => tagged(0x0c, Buffer.from(value, "utf8"));
const booleanTrue = () => tagged(0x01, Buffer.from([0xff]));
/** A positive number. If its first bit is set, a zero byte in front keeps it from being read as negative. */
const integer = (value: Uint8Array) => tagged(0x02, (value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value);

/** X.509 requires UTCTime for dates before 2050 and GeneralizedTime from then on. */
function time(date: Date): Buffer {
  const stamp = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(stamp.slice(2))) : tagged(0x18, Buffer.from(stamp));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}
