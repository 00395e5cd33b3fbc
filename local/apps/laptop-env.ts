/** A component's variables on this machine: those of App Platform with another port, another path of the certificates and another address of Spaces. */
import { writeSecret } from "../servers/files.ts";

/** The run command in the spec writes the clusters' certificates to this path in the container. */
const CONTAINER_CA_FILE = "/tmp/slipway-ca.pem";

/** Without a bucket. S3 clients address a bucket by its path where the host is an IP address. */
const SPACES_ENDPOINT = /^https:\/\/[a-z]{3}\d\.digitaloceanspaces\.com$/;

export interface Laptop {
  /** The path of this component's certificates on this machine, which replaces the container's path. */
  readonly caFile: string;
  readonly port?: number | undefined;
  /** The address of the API, which serves buckets as well. */
  readonly apiUrl?: string | undefined;
}

export function resolveLaptopEnv(env: Readonly<Record<string, string>>, { caFile, port, apiUrl }: Laptop): Record<string, string> {
  const resolve = (value: string) => (apiUrl !== undefined && SPACES_ENDPOINT.test(value) ? apiUrl : replaceCaFile(value, caFile));
  const local = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, resolve(value)]));
  if (certificatesIn(env).length > 0) local.NODE_EXTRA_CA_CERTS ??= caFile;
  return { ...local, ...(port !== undefined && { PORT: String(port) }) };
}

/** Writes the file that the run command writes in a container. */
export function writeCertificates(env: Readonly<Record<string, string>>, caFile: string): void {
  writeSecret(caFile, [...new Set(certificatesIn(env).map((pem) => `${pem.trim()}\n`))].join(""));
}

const certificatesIn = (env: Readonly<Record<string, string>>): string[] =>
  Object.values(env).filter((value) => value.startsWith("-----BEGIN CERTIFICATE-----"));

function replaceCaFile(value: string, caFile: string): string {
  if (value === CONTAINER_CA_FILE) return caFile;
  if (!/^postgres(ql)?(\+\w+)?:/.test(value)) return value;
  // The path is escaped for the URL. A URL that verifies and names no file gets it too, because psql does not read NODE_EXTRA_CA_CERTS.
  const replaced = value.replaceAll(CONTAINER_CA_FILE, encodeURI(caFile));
  return /[?&]sslmode=verify-/.test(replaced) && !replaced.includes("sslrootcert=")
    ? `${replaced}&sslrootcert=${encodeURI(caFile)}`
    : replaced;
}
