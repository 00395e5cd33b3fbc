/** `slipway local up --systems` after a run with other systems removes what only those needed, and reports nothing as missing. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { up } from "../../cli/local-up.ts";
import { plainStyle, type Terminal } from "../../cli/terminal.ts";
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

async function runUp(systems: string) {
  const [printed, messages]: [string[], string[]] = [[], []];
  const io: Terminal = { print: (text) => printed.push(text), say: (text) => messages.push(text), columns: 80, style: plainStyle };
  const code = await up({ values: { systems }, positionals: [], place: workspace }, io);
  const { servers } = await fetchStatus(findDaemon(workspace)!);
  return { code, headline: printed.join("\n").split(".")[0], messages: messages.join("\n"), kinds: servers.map(({ kind }) => kind).sort() };
}

it("exits with 0 if the last connection pool is removed, and stops PgBouncer", async (context) => {
  if (NEEDS_PROC) skipTest(context, NEEDS_PROC);
  expect(await runUp("candlefish,devx")).toMatchObject({ code: 0, kinds: ["pgbouncer", "postgres", "valkey"] });
  const { code, headline, messages, kinds } = await runUp("devx");
  expect(messages).not.toContain("does not run");
  expect({ code, headline, kinds }).toEqual({ code: 0, headline: "The local platform is running", kinds: ["postgres"] });
});
