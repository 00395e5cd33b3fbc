import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { resolveLaptopEnv, writeCertificates } from "./laptop-env.ts";
import { postgresTargets, valkeyTargets, warningsOf } from "./placeholder/connections.ts";

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
  it("name the file that is there instead of the container's, blanks and all", () => {
    const env = resolveLaptopEnv(container, FILE, 4100);
    expect(env).toMatchObject({ PGSSLROOTCERT: FILE, NODE_EXTRA_CA_CERTS: FILE, PORT: "4100", PLAIN: "as it is" });
    expect(
      new pg.Client({ connectionString: env.DATABASE_URL!.replace("verify-full", "disable").replace(/&sslrootcert.*/, "") }).host,
    ).toBe("127.0.0.1");
    expect(new URL(env.DATABASE_URL!).searchParams.get("sslrootcert")).toBe(FILE);
  });

  it("name it also where a Node process would have been told to trust it as a whole", () => {
    const url = "postgresql://u:p@h:1/d?sslmode=verify-full";
    expect(resolveLaptopEnv({ DATABASE_URL: url, CA: PEM }, "/ca.pem").DATABASE_URL).toBe(`${url}&sslrootcert=/ca.pem`);
    expect(resolveLaptopEnv({ DATABASE_URL: url.replace("verify-full", "require") }, "/ca.pem").DATABASE_URL).not.toContain("sslrootcert");
  });

  it("bring every certificate once, in a file for their owner alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway env "));
    const file = join(folder, "ca.pem");
    writeCertificates(container, file);
    expect(readFileSync(file, "utf8")).toBe(`${PEM}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    rmSync(folder, { recursive: true });
  });
});

describe("what they lead to", () => {
  it("is every Postgres, whatever its driver is called", () => {
    const env = { PGSSLROOTCERT: "/ca.pem", A: "postgresql+asyncpg://u:p@h:1/d?ssl=verify-full", B: "postgres://u:p@h:2/d", C: "http://h" };
    expect(postgresTargets(env)).toEqual([
      { variable: "A", url: "postgresql://u:p@h:1/d?sslmode=verify-full&sslrootcert=%2Fca.pem" },
      { variable: "B", url: "postgresql://u:p@h:2/d" },
    ]);
  });

  it("is every Valkey, with the database that its path names", () => {
    expect(valkeyTargets({ R: "rediss://default:p%2Fw@h:3/2", S: "rediss://default:x@h:3" })).toEqual([
      { variable: "R", host: "h", port: 3, user: "default", password: "p/w", database: "2" },
      { variable: "S", host: "h", port: 3, user: "default", password: "x", database: "0" },
    ]);
  });

  it("is reported where it is not checked, or the certificate is not verified", () => {
    const env = {
      REQUIRED: "postgresql://u:p@127.0.0.1:1/d?sslmode=require",
      STORE: "rediss://default:x@127.0.0.1:3",
      AWAY: "postgresql://u:p@db.example.com:1/d?sslmode=require",
      BROKEN: "postgres://<user>@[host]/d",
      ELSEWHERE: "mysql://u:none@mysql-does-not-run-here.invalid:25060/d",
      DANGLING: "${db.DATABASE_URL}",
      TEMPLATE: "${user.name}",
    };
    expect(warningsOf(env)).toEqual({
      REQUIRED: "sslmode=require: encrypted, but the certificate of the server is not verified",
      STORE: "encrypted, but the certificate of the server is not verified: no variable holds its CA",
      AWAY: "db.example.com is not on this machine: nothing was connected to",
      BROKEN: "is not a valid URL: nothing was connected to",
      ELSEWHERE: "no MySQL server runs on this machine: nothing was connected to",
      DANGLING: "${db.DATABASE_URL} has no value: the spec declares no such component, database or variable",
    });
    const verified = warningsOf({ ...env, NODE_EXTRA_CA_CERTS: "/ca.pem" });
    expect(Object.keys(verified)).toEqual(["AWAY", "BROKEN", "ELSEWHERE", "DANGLING"]);
  });
});
