/** The diagrams in docs/schemas.md are those of the migrations. Set SLIPWAY_WRITE_DIAGRAMS=1 to write them. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { slipway } from "../../cli/testing/slipway.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { systems } from "../../systems/index.ts";

const PAGE = fileURLToPath(new URL("../../docs/schemas.md", import.meta.url));

/** Between a mark and the end of the fence after it. */
const blockOf = (system: string): RegExp => new RegExp(`(<!-- diagram of ${system} -->\n+\`\`\`mermaid\n)([\\s\\S]*?)(\n\`\`\`)`);

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

describe("docs/schemas.md", () => {
  it.each(systems.map(({ name }) => name))("draws the tables of %s as its migrations create them", async (system) => {
    const { code, stdout, stderr } = await slipway(["migrate", "diagram", "--system", system, "--shadow", server.url("postgres")]);
    expect(code, stderr).toBe(0);
    const drawn = stdout.trimEnd();
    if (process.env.SLIPWAY_WRITE_DIAGRAMS === "1")
      writeFileSync(
        PAGE,
        readFileSync(PAGE, "utf8").replace(blockOf(system), (_, start, __, end) => `${start}${drawn}${end}`),
      );
    const found = blockOf(system).exec(readFileSync(PAGE, "utf8"))?.[2];
    expect(found, "To write the diagrams: SLIPWAY_WRITE_DIAGRAMS=1 npx vitest run tests/docs/schema-diagrams.test.ts").toBe(drawn);
  });
});
