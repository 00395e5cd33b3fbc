import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Checkout, ROOT } from "./checkout.ts";

let checkout: Checkout;

/** A small project that the installed tools check, so that nothing is downloaded. */
beforeEach(() => {
  checkout = new Checkout();
  // A link for each package: through one link to the whole folder, an install in the checkout would empty the real node_modules.
  mkdirSync(checkout.path("node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules")))
    symlinkSync(join(ROOT, "node_modules", name), checkout.path("node_modules", name));
  for (const file of [
    ".ci",
    "docs/requirements.md",
    "tests/proof/proof.ts",
    "tests/proof/page.ts",
    "tests/proof/tests.ts",
    "tests/skip.ts",
    "tsconfig.json",
    "biome.json",
  ]) {
    cpSync(join(ROOT, file), checkout.path(file), { recursive: true });
  }
  // This small project cannot prove the requirements of the whole one.
  const page = readFileSync(join(ROOT, "docs/requirements.md"), "utf8");
  checkout.write("docs/requirements.md", page.replace(/^(\| [FDC]\d+ \| .* \|) .* \|$/gm, "$1 open |"));
  const { packages } = JSON.parse(readFileSync(join(ROOT, "node_modules/.package-lock.json"), "utf8"));
  const root = {
    name: "checkout",
    version: "1.0.0",
    type: "module",
    engines: { node: ">=18" },
    scripts: { test: "node setup/run.mjs test" },
  };
  checkout.write("package.json", `${JSON.stringify(root, undefined, 2)}\n`);
  checkout.write("package-lock.json", { ...root, lockfileVersion: 3, packages: { "": {}, ...packages } });
  checkout.write("systems/sum.ts", "export const sum = (a: number, b: number): number => a + b;\n");
  tests("expect(sum(1, 2)).toBe(3);");
});

afterEach(() => checkout.remove());

function tests(second: string): void {
  checkout.write(
    "systems/sum.test.ts",
    `import { expect, it } from "vitest";
import { describeUnless, skipTest } from "../tests/skip.ts";
import { sum } from "./sum.ts";

it("adds [F1]", () => {
  expect(sum(1, 1)).toBe(2);
});

it("adds more", () => {
  ${second}
});

it.skip("adds elsewhere", () => {
  expect(sum(0, 0)).toBe(0);
});

describeUnless({ reason: "bc is not installed", enable: "apt-get install bc" }, "with bc", () => {
  it.each([1, 2])("adds %i", (n) => {
    expect(sum(n, n)).toBe(n);
  });
});

it("adds as root", (context) => {
  skipTest(context, { reason: "needs root" });
});
`,
  );
}

const lastLine = (output: string) => output.trimEnd().split("\n").at(-1);

describe("npm test", () => {
  it("counts type check, linter, tests and proof", async () => {
    const { output, code } = await checkout.command("bash", [".ci/run"]);
    expect(lastLine(output)).toBe("5 passed, 0 failed");
    expect(output).toMatch(/^tests {3}2 passed, 0 failed, 4 skipped, \d+ s$/m);
    expect(output).toContain(
      [
        "Skipped on this machine:",
        "  2 tests: bc is not installed.",
        "    To run them: apt-get install bc",
        "  1 test: no reason given: adds elsewhere.",
        "  1 test: needs root.",
        "",
      ].join("\n"),
    );
    expect(output).toContain("Open, but proved by this run: 1");
    expect(code).toBe(0);
  });

  it("continues after a failure and counts every failure", async () => {
    tests("expect(sum(1, 2)).toBe(4);");
    checkout.write("systems/wrong.ts", "export const wrong: number = 'text';\n");
    const { output, code } = await checkout.command("bash", [".ci/run"]);
    expect(output).toContain("error TS2322");
    expect(output).toContain("AssertionError");
    expect(lastLine(output)).toBe("2 passed, 3 failed");
    expect(code).toBe(1);
  });

  it("counts a test file that fails to load as a failure", async () => {
    checkout.write("systems/broken.test.ts", 'import "./nowhere.ts";\n');
    const { output, code } = await checkout.command("node", ["setup/run.mjs", "test", "systems"]);
    expect(lastLine(output)).toBe("2 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("fails if the requirements page names a test that does not exist", async () => {
    const page = readFileSync(checkout.path("docs/requirements.md"), "utf8").replace(
      /^(\| C57 \| .+ \|) .+ \|$/m,
      "$1 [does not exist](../nowhere.test.ts) |",
    );
    checkout.write("docs/requirements.md", page);
    const { output, code } = await checkout.command("bash", [".ci/run"]);
    expect(output).toMatch(/docs\/requirements\.md:\d+ claims C57 by a test that this run does not know/);
    expect(lastLine(output)).toBe("4 passed, 1 failed");
    expect(code).toBe(1);
  });
});

describe(".ci/run", () => {
  it("prints totals even if npm test cannot start", async () => {
    checkout.write("package.json", { name: "checkout", type: "module", scripts: { test: "exit 7" } });
    const { output, code } = await checkout.command("bash", [".ci/run"]);
    expect(lastLine(output)).toBe("0 passed, 1 failed");
    expect(code).not.toBe(0);
  });
});
