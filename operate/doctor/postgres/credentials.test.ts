import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { DEFAULT_THRESHOLDS } from "../finding.ts";
import { withDatabase } from "../testing/database.ts";
import { examineDatabase } from "./examine.ts";
import type { CredentialSubject } from "./subject.ts";

const TODAY = "2026-12-02";
const credential: CredentialSubject = {
  ...{ role: "runtime", user: "shop_app_b", since: "2026-09-03", isRotated: true, isLocal: false },
  command: "slipway rotate run -s prod --system shop",
};

describe("the credentials of a database", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  const examine = (...credentials: readonly CredentialSubject[]) =>
    withDatabase(server, async ({ connection }) => {
      const now = () => Date.parse(`${TODAY}T12:00:00Z`);
      const { facts, findings } = await examineDatabase(
        { name: "shop/postgres", connection, credentials },
        { thresholds: { ...DEFAULT_THRESHOLDS, clockOffsetMs: Number.POSITIVE_INFINITY }, all: false, now },
      );
      return {
        fact: facts.find(({ name }) => name === "credentials")?.value,
        findings: findings
          .filter(({ id }) => /credential|rotation/.test(id))
          .map(({ id, severity, next }) => ({ id, severity, command: next.command })),
      };
    });

  it("are a finding from the 91st day on, with the command that rotates them", async () => {
    expect(await examine(credential)).toEqual({ fact: "90 days old at most", findings: [] });
    expect(await examine(credential, { ...credential, since: "2026-09-02" })).toEqual({
      fact: "91 days old at most",
      findings: [{ id: "credential-old", severity: "warning", command: credential.command }],
    });
  });

  it("of a local platform are only for information", async () => {
    expect((await examine({ ...credential, since: "2026-01-01", isRotated: false, isLocal: true })).findings).toEqual([
      { id: "credential-old", severity: "info", command: credential.command },
    ]);
  });

  it("of a rotation that was interrupted are a finding, with the command that continues it", async () => {
    expect((await examine({ ...credential, retiring: "shop_app" })).findings).toEqual([
      { id: "rotation-unfinished", severity: "warning", command: credential.command },
    ]);
  });
});
