import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const MODULE = new URL("./engine-loss.ts", import.meta.url).href;

/** A program that ends with this error, after the SDK has installed a listener that prints it. */
function end(
  error: string,
  raise = (text: string) => `Promise.reject(${text});`,
): { readonly code: number | null; readonly output: string } {
  const script = `
    process.on("unhandledRejection", (error) => { console.error(error.stack); process.exitCode = 1; });
    const { endQuietlyWithEngine } = await import(${JSON.stringify(MODULE)});
    endQuietlyWithEngine();
    ${raise(error)}`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  return { code: status, output: stderr };
}

it.each([
  ["UNAVAILABLE", 14],
  ["CANCELLED", 1],
])("prints nothing for a request that fails with %s, because the engine has ended the run", (name, code) => {
  expect(end(`Object.assign(new Error("${code} ${name}: resource monitor shut down"), { code: ${code} })`)).toEqual({
    code: 32,
    output: "",
  });
});

it("prints nothing for such an error that is thrown in a callback", () => {
  const { code, output } = end(
    `Object.assign(new Error("14 UNAVAILABLE"), { code: 14 })`,
    (error) => `setTimeout(() => { throw ${error}; });`,
  );
  expect({ code, output }).toEqual({ code: 32, output: "" });
});

it("leaves every other error to the SDK", () => {
  const { code, output } = end(`Object.assign(new Error("no such file"), { code: "ENOENT" })`);
  expect(code).toBe(1);
  expect(output).toContain("no such file");
});
