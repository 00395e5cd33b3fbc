import { describe, expect, it } from "vitest";
import { slipway } from "./testing/slipway.ts";

/** The names below "Commands:" in a help text. */
function listed(help: string): string[] {
  const [, list = ""] = /^Commands:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
  return [...list.matchAll(/^ {2}(\S+)/gm)].map(([, name = ""]) => name);
}

/** Every command and the commands below it. */
async function findCommands(path: readonly string[] = []): Promise<string[][]> {
  const { stdout } = await slipway([...path, "--help"]);
  const below = await Promise.all(listed(stdout).map((name) => findCommands([...path, name])));
  return [[...path], ...below.flat()];
}

const commands = await findCommands();

describe("the help", () => {
  it("lists every command", () => {
    expect(commands.map((path) => path.join(" "))).toEqual(
      expect.arrayContaining(["", "plan", "migrate", "migrate up", "local env", "keyspaces seed"]),
    );
  });

  it.each([80, 160])("fits a terminal of %i columns", async (columns) => {
    for (const path of commands) {
      const { stdout } = await slipway([...path, "--help"], { columns });
      expect([path, stdout.split("\n").filter((line) => line.length > columns)]).toEqual([path, []]);
    }
  });

  it("of every command has a summary, usage, examples, flags and exit codes, in this order", async () => {
    for (const path of commands) {
      const { code, stdout } = await slipway([...path, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        new RegExp(
          `^[A-Z][^.]+\\.\\n\\nUsage:\\n {2}slipway ?${path.join(" ")} .*\\n[\\s\\S]*\\nExamples:\\n {2}# [\\s\\S]*--help [\\s\\S]*\\nExit codes:\\n {2}0 `,
        ),
      );
    }
  });

  it("has examples of that command, whose flags exist", async () => {
    for (const path of commands.slice(1)) {
      const { stdout } = await slipway([...path, "--help"]);
      const [, examples = ""] = /Examples:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
      const typed = examples.split("\n").filter((line) => line !== "" && !line.startsWith("  # "));
      expect(typed.every((line) => line.includes(`slipway ${path.join(" ")}`))).toBe(true);
      if (listed(stdout).length > 0) continue;
      const flags = [...typed.join("\n").matchAll(/ (--[a-z-]+)/g)].map(([, flag]) => flag);
      for (const flag of flags) expect([path, stdout]).toEqual([path, expect.stringMatching(new RegExp(`^ +(-\\w, )?${flag}\\b`, "m"))]);
    }
  });

  it("is printed for no command, with exit code 2, and for slipway help", async () => {
    const help = await slipway(["--help"]);
    expect(await slipway([])).toEqual({ ...help, code: 2 });
    expect(await slipway(["help"])).toEqual(help);
    expect(await slipway(["help", "migrate", "up"])).toEqual(await slipway(["migrate", "up", "--help"]));
  });

  it("is printed whatever else is on the command line", async () => {
    expect((await slipway(["plan", "--stack", "prod", "--nothing", "--help"])).code).toBe(0);
    expect((await slipway(["migrate", "up", "-h", "--dir", "x"])).stdout).toMatch(/^Apply pending migrations\./);
  });
});
