import { expect, it } from "vitest";
import { systems } from "../../systems/index.ts";
import { slipway } from "../testing/slipway.ts";

const cost = (columns: number, ...argv: readonly string[]) => slipway(["cost", "--cwd", import.meta.dirname, ...argv], { columns });

/** A system with a Postgres cluster of its own, as all have on stack prod. */
const cluster = `${systems[0]?.name}-postgres`;

it("prints the sum, each system, the resources without a price and the sources of prices", async () => {
  const { code, stdout } = await cost(100, "--stack", "prod");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^slipway on stack prod: \$\d+\.\d\d a month\n/);
  for (const { name } of systems) expect(stdout).toMatch(new RegExp(`^${name} {2}\\$`, "m"));
  expect(stdout).toMatch(/^ +unpriced {2}slipway-backups-bucket-primary/m);
  expect(stdout).toMatch(/2026-08-07 {2}App Platform instance sizes/);
});

it("fits a narrow terminal", async () => {
  const { stdout } = await cost(60, "--stack", "prod");
  expect(stdout.split("\n").filter((line) => line.length > 60)).toEqual([]);
});

it("prints the difference that another size makes, also as JSON", async () => {
  const { stdout } = await cost(100, "--stack", "prod", "--size", `${cluster}=db-s-4vcpu-8gb`);
  expect(stdout).toMatch(/With these sizes: \$[\d.,]+ a month, \+\$122\.40/);
  const json = JSON.parse((await cost(100, "--stack", "prod", "--json", "--size", `${cluster}=db-s-4vcpu-8gb`)).stdout);
  expect(json.resized.total - json.total).toBeCloseTo(122.4, 2);
});

it("prints what to type where the stack is missing or a size is wrong", async () => {
  expect(await cost(100)).toMatchObject({ code: 2, stderr: expect.stringContaining("This project has local, prod, staging") });
  expect(await cost(100, "--stack", "prod", "--size", cluster)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--size takes resource=size"),
  });
  expect(await cost(100, "--stack", "prod", "--size", `${cluster}=huge`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`"huge" is not a size of ${cluster}. Allowed: db-s-1vcpu-2gb`),
  });
});
