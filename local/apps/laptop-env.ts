/** A component's variables as they are on a laptop: the same, but for the port it gets and the certificate file that it can have. */
import { writeSecret } from "../servers/files.ts";

/** Where a container of App Platform writes the clusters' certificates before it starts; see the run command in the spec. */
const CONTAINER_CA_FILE = "/tmp/slipway-ca.pem";

/** @param caFile Where this component's certificates are on this machine; named in the variables instead of the container's. */
export function resolveLaptopEnv(env: Readonly<Record<string, string>>, caFile: string, port?: number): Record<string, string> {
  const here = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, withFile(value, caFile)]));
  if (certificatesIn(env).length > 0) here.NODE_EXTRA_CA_CERTS ??= caFile;
  return { ...here, ...(port !== undefined && { PORT: String(port) }) };
}

/** What the run command would have written. */
export function writeCertificates(env: Readonly<Record<string, string>>, caFile: string): void {
  writeSecret(caFile, [...new Set(certificatesIn(env).map((pem) => `${pem.trim()}\n`))].join(""));
}

const certificatesIn = (env: Readonly<Record<string, string>>): string[] =>
  Object.values(env).filter((value) => value.startsWith("-----BEGIN CERTIFICATE-----"));

function withFile(value: string, caFile: string): string {
  if (value === CONTAINER_CA_FILE) return caFile;
  if (!/^postgres(ql)?(\+\w+)?:/.test(value)) return value;
  // In a URL a path may hold no blank. Whoever verifies and names no file finds it all the same, as psql would not.
  const named = value.replaceAll(CONTAINER_CA_FILE, encodeURI(caFile));
  return /[?&]sslmode=verify-/.test(named) && !named.includes("sslrootcert=") ? `${named}&sslrootcert=${encodeURI(caFile)}` : named;
}
