/** What the three products have in common. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { candlefish } from "./candlefish.ts";
import { nodeSource } from "./common.ts";
import { devx } from "./devx.ts";
import { fluxstudio } from "./fluxstudio.ts";

const PRODUCTS = [fluxstudio, devx, candlefish];
const components = PRODUCTS.flatMap(({ apps }) => Object.values(apps).flatMap((app) => Object.values(app.components)));

it("verifies the server in every component that connects to a database", () => {
  const connected = components.filter(({ env }) => Object.values(env).some(({ from }) => from === "database"));
  expect(connected.length).toBeGreaterThan(0);
  for (const { env } of connected) {
    expect(env.PGSSLMODE).toMatchObject({ from: "plain", value: "verify-full" });
    expect(env.DATABASE_CA_CERT).toMatchObject({ from: "database", part: "ca" });
    expect((env.NODE_EXTRA_CA_CERTS ?? env.PGSSLROOTCERT)?.from).toBe("caFile");
  }
});

it("brings nothing of a database, a store or a secret into a build", () => {
  for (const { env } of components) for (const { scope } of Object.values(env)) expect(scope).toBe("RUN_TIME");
});

it("names repositories that cannot be mistaken for real ones", () => {
  for (const { source } of components) expect(source.repo).toMatch(/^your-org\//);
});

it("builds with Node 24, and says what to write where another line is installed [F104]", () => {
  const build = (version: string) => {
    const { buildCommand } = nodeSource({ repo: "any", build: "echo built" });
    const { status, stdout, stderr } = spawnSync("sh", ["-c", `node() { echo ${version}; }; ${buildCommand}`], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const refused = {
    status: 1,
    stdout: "",
    stderr: 'This application runs on Node 24. Write "engines": { "node": "24.x" } in its package.json.\n',
  };
  expect(build("v24.11.0")).toEqual({ status: 0, stdout: "built\n", stderr: "" });
  expect(build("v23.11.0")).toEqual(refused);
  expect(build("v240.0.0")).toEqual(refused);
});
