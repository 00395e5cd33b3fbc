import { describe, expect, it } from "vitest";
import { postgresTargets, valkeyTargets, warningsOf } from "./connections.ts";

describe("the connections in a component's variables", () => {
  it("include Postgres URLs of every driver", () => {
    const env = { PGSSLROOTCERT: "/ca.pem", A: "postgresql+asyncpg://u:p@h:1/d?ssl=verify-full", B: "postgres://u:p@h:2/d", C: "http://h" };
    expect(postgresTargets(env)).toEqual([
      { variable: "A", url: "postgresql://u:p@h:1/d?sslmode=verify-full&sslrootcert=%2Fca.pem" },
      { variable: "B", url: "postgresql://u:p@h:2/d" },
    ]);
  });

  it("include Valkey URLs with the database number in the path", () => {
    expect(valkeyTargets({ R: "rediss://default:p%2Fw@h:3/2", S: "rediss://default:x@h:3" })).toEqual([
      { variable: "R", host: "h", port: 3, user: "default", password: "p/w", database: "2" },
      { variable: "S", host: "h", port: 3, user: "default", password: "x", database: "0" },
    ]);
  });

  it("have a warning if they are not checked or the certificate is not verified", () => {
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
