import { expect, it } from "vitest";
import { main } from "./main.ts";
import { plainStyle } from "./terminal.ts";

async function slipway(columns: number, ...argv: readonly string[]) {
  const [printed, said]: string[][] = [[], []];
  const code = await main(["cost", "--cwd", import.meta.dirname, ...argv], {
    print: (text) => printed?.push(text),
    say: (text) => said?.push(text),
    columns,
    style: plainStyle,
  });
  return { code, text: printed?.join("\n") ?? "", said: said?.join("\n") ?? "" };
}

it("tells the sum, each system, what has no price and where the prices are from", async () => {
  const { code, text } = await slipway(100, "--stack", "prod");
  expect(code).toBe(0);
  expect(text).toMatch(/^slipway on stack prod: \$\d+\.\d\d a month\n/);
  for (const system of ["candlefish", "devx", "fluxstudio"]) expect(text).toMatch(new RegExp(`^${system} {2}\\$`, "m"));
  expect(text).toMatch(/^ +unpriced {2}slipway-backups-bucket-primary/m);
  expect(text).toMatch(/2026-08-07 {2}App Platform instance sizes/);
});

it("fits a narrow terminal", async () => {
  const { text } = await slipway(60, "--stack", "prod");
  expect(text.split("\n").filter((line) => line.length > 60)).toEqual([]);
});

it("tells the difference that another size makes, also to a machine", async () => {
  const { text } = await slipway(100, "--stack", "prod", "--size", "devx-postgres=db-s-4vcpu-8gb");
  expect(text).toMatch(/With these sizes: \$[\d.,]+ a month, \+\$122\.40/);
  const json = JSON.parse((await slipway(100, "--stack", "prod", "--json", "--size", "devx-postgres=db-s-4vcpu-8gb")).text);
  expect(json.resized.total - json.total).toBeCloseTo(122.4, 2);
});

it("says what to type where the stack is missing or a size is not understood", async () => {
  expect(await slipway(100)).toMatchObject({ code: 2, said: expect.stringContaining("This project has local, prod, staging") });
  expect(await slipway(100, "--stack", "prod", "--size", "devx-postgres")).toMatchObject({
    code: 2,
    said: expect.stringContaining("--size takes what=size"),
  });
  expect(await slipway(100, "--stack", "prod", "--size", "devx-postgres=huge")).toMatchObject({
    code: 2,
    said: expect.stringContaining('"huge" is not a size of devx-postgres. Allowed: db-s-1vcpu-2gb'),
  });
});
