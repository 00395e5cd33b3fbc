/** `slipway local up --systems`, where other systems were running before: what the others had is removed, and nothing is reported missing. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { up } from "../../cli/local-up.ts";
import { plainStyle, type Terminal } from "../../cli/terminal.ts";
import { NEEDS_PROC, skipTest } from "../../tests/skip.ts";
import { removeHome, temporaryHome } from "../servers/testing/servers.ts";
import { findDaemon, stopPlatform } from "./daemon/client.ts";
import { fetchStatus } from "./start.ts";
import { workspaceAt } from "./workspace.ts";

const place = workspaceAt(fileURLToPath(new URL("../../", import.meta.url)), temporaryHome());

afterAll(async () => {
  await stopPlatform(place);
  await removeHome(place.home);
});

async function typed(systems: string) {
  const [printed, said]: [string[], string[]] = [[], []];
  const io: Terminal = { print: (text) => printed.push(text), say: (text) => said.push(text), columns: 80, style: plainStyle };
  const code = await up({ values: { systems }, positionals: [], place }, io);
  const { servers } = await fetchStatus(findDaemon(place)!);
  return { code, headline: printed.join("\n").split(".")[0], said: said.join("\n"), kinds: servers.map(({ kind }) => kind).sort() };
}

it("ends with 0 where the last connection pool goes, and PgBouncer with it", async (context) => {
  if (NEEDS_PROC) skipTest(context, NEEDS_PROC);
  expect(await typed("candlefish,devx")).toMatchObject({ code: 0, kinds: ["pgbouncer", "postgres", "valkey"] });
  const { code, headline, said, kinds } = await typed("devx");
  expect(said).not.toContain("does not run");
  expect({ code, headline, kinds }).toEqual({ code: 0, headline: "The local platform is running", kinds: ["postgres"] });
});
