/** `slipway local up --systems` after a run with other systems removes what only those needed, and reports nothing as missing. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { up } from "../../cli/local/up.ts";
import { recordingTerminal } from "../../cli/testing/slipway.ts";
import { NEEDS_PROC, skipTest } from "../../tests/skip.ts";
import { removeHome, temporaryHome } from "../servers/testing/servers.ts";
import { findDaemon, stopPlatform } from "./daemon/client.ts";
import { fetchStatus } from "./start.ts";
import { workspaceAt } from "./workspace.ts";

const workspace = workspaceAt(fileURLToPath(new URL("../../", import.meta.url)), temporaryHome());

afterAll(async () => {
  await stopPlatform(workspace);
  await removeHome(workspace.home);
});

async function typed(systems: string) {
  const terminal = recordingTerminal();
  const code = await up({ systems, cwd: workspace.checkout }, workspace, terminal);
  const { servers } = await fetchStatus(findDaemon(workspace)!);
  return {
    code,
    headline: terminal.printed.join("\n").split(".")[0],
    logged: terminal.logged.join("\n"),
    kinds: servers.map(({ kind }) => kind).sort(),
  };
}

it("exits with 0 if the last connection pool is removed, and stops PgBouncer", async (context) => {
  if (NEEDS_PROC) skipTest(context, NEEDS_PROC);
  expect(await typed("candlefish,devx")).toMatchObject({ code: 0, kinds: ["pgbouncer", "postgres", "valkey"] });
  const { code, headline, logged, kinds } = await typed("devx");
  expect(logged).not.toContain("is not running");
  expect({ code, headline, kinds }).toEqual({ code: 0, headline: "The local platform is running", kinds: ["postgres"] });
});
