import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { resolveLaptopEnv, writeCertificates } from "./laptop-env.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
const FILE = "/home/you/my work/.slipway/ca.pem";
const container = {
  DATABASE_URL: "postgresql://u:p@127.0.0.1:25060/shop?sslmode=verify-full&sslrootcert=/tmp/slipway-ca.pem",
  DATABASE_CA_CERT: PEM,
  REDIS_CA_CERT: PEM,
  PGSSLROOTCERT: "/tmp/slipway-ca.pem",
  PLAIN: "as it is",
};

describe("a component's variables on a laptop", () => {
  it("contain the path of the local certificate file, also with spaces", () => {
    const env = resolveLaptopEnv(container, { caFile: FILE, port: 4100 });
    expect(env).toMatchObject({ PGSSLROOTCERT: FILE, NODE_EXTRA_CA_CERTS: FILE, PORT: "4100", PLAIN: "as it is" });
    expect(
      new pg.Client({ connectionString: env.DATABASE_URL!.replace("verify-full", "disable").replace(/&sslrootcert.*/, "") }).host,
    ).toBe("127.0.0.1");
    expect(new URL(env.DATABASE_URL!).searchParams.get("sslrootcert")).toBe(FILE);
  });

  it("contain it also in a verifying URL without a certificate file", () => {
    const url = "postgresql://u:p@h:1/d?sslmode=verify-full";
    expect(resolveLaptopEnv({ DATABASE_URL: url, CA: PEM }, { caFile: "/ca.pem" }).DATABASE_URL).toBe(`${url}&sslrootcert=/ca.pem`);
    expect(resolveLaptopEnv({ DATABASE_URL: url.replace("verify-full", "require") }, { caFile: "/ca.pem" }).DATABASE_URL).not.toContain(
      "sslrootcert",
    );
  });

  it("contain the address of the local API instead of that of Spaces", () => {
    const env = { S3_ENDPOINT: "https://nyc3.digitaloceanspaces.com", CDN: "https://media.nyc3.digitaloceanspaces.com" };
    expect(resolveLaptopEnv(env, { caFile: FILE, apiUrl: "http://127.0.0.1:4010" })).toEqual({
      ...env,
      S3_ENDPOINT: "http://127.0.0.1:4010",
    });
    expect(resolveLaptopEnv(env, { caFile: FILE })).toEqual(env);
  });

  it("write each certificate once, to a file that only its owner can read", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway env "));
    const file = join(folder, "ca.pem");
    writeCertificates(container, file);
    expect(readFileSync(file, "utf8")).toBe(`${PEM}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    rmSync(folder, { recursive: true });
  });
});
