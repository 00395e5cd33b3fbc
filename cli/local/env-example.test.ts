import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Component } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { slipway } from "../testing/slipway.ts";

let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "slipway example "));
  writeFileSync(join(checkout, "Pulumi.yaml"), "name: shop\nruntime: nodejs\nmain: index.js\n");
  writeFileSync(join(checkout, "index.js"), "");
});
afterAll(() => rmSync(checkout, { recursive: true }));

const example = (...argv: string[]) => slipway(["local", "env", ...argv, "--example", "--cwd", checkout]);
const services = systems.flatMap((system) =>
  Object.values(system.apps).flatMap(({ components }) =>
    Object.entries(components).map(([name, component]) => [system.name, name, component] as [string, string, Component]),
  ),
);

describe("an example of a service's variables", () => {
  it.each(services)("%s %s: node --env-file reads every variable, and each has a comment", async (system, service, { env }) => {
    const { code, stdout } = await example(system, service);
    expect(code).toBe(0);
    const file = join(checkout, ".env.example");
    writeFileSync(file, `${stdout}\n`);
    const print = `process.stdout.write(JSON.stringify(Object.fromEntries(${JSON.stringify(Object.keys(env))}.map((key) => [key, process.env[key]]))))`;
    const read = JSON.parse(execFileSync(process.execPath, [`--env-file=${file}`, "-e", print], { env: {}, encoding: "utf8" }));
    expect(Object.keys(read)).toEqual(Object.keys(env));
    for (const [key, value] of Object.entries(env)) {
      if (value.from === "plain") expect(read[key]).toBe(value.value);
      else if (value.from !== "budget" && value.from !== "phase") expect([key, read[key]]).toEqual([key, ""]);
      expect(stdout).toMatch(new RegExp(`^# .+\\n${key}=`, "m"));
    }
  });

  it("states where a value comes from", async () => {
    const { stdout } = await example("fluxstudio", "api");
    expect(stdout).toContain("# A secret that slipway generates, 48 characters.\nJWT_SECRET=");
    expect(stdout).toContain(
      "pulumi config set --secret slipway:fluxstudioGoogleClientSecret. Only with the feature google.\nGOOGLE_CLIENT_SECRET=",
    );
    expect(stdout).toContain("# The secretKey of the bucket uploads. Only with the feature uploads.\nS3_SECRET_ACCESS_KEY=");
  });

  it("has a section for every service of --system", async () => {
    const { stdout } = await example("--system", "fluxstudio");
    expect(stdout).toContain("FluxStudio, service api.");
    expect(stdout).toContain("FluxStudio, service ffmpeg.");
  });

  it.each([
    [["--system", "shop"], 'There is no system "shop".'],
    [["fluxstudio", "web"], 'fluxstudio has no service "web".'],
    [["fluxstudio", "api", "--system", "devx"], "--system devx and fluxstudio are two systems. Give one of them."],
    [["fluxstudio", "api", "--format", "json"], "--example prints dotenv only."],
  ])("%j is refused", async (argv, text) => {
    expect(await example(...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
  });

  it("--system is refused without --example", async () => {
    expect(await slipway(["local", "env", "--system", "devx", "--cwd", checkout])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--system needs --example."),
    });
  });
});
