/** `slipway watch` on the local platform, with one of its systems. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { stopPlatform } from "../../local/platform/daemon/client.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { systems } from "../../systems/index.ts";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { up } from "../local/up.ts";
import { recordingTerminal, root, slipway } from "../testing/slipway.ts";
import type { WatchOptions } from "./flags.ts";
import { watch } from "./run.ts";

const system = systems.find(
  ({ stores }) => Object.keys(stores).length > 0 && Object.values(stores).every(({ feature }) => feature !== undefined),
)!.name;

describeUnless(NEEDS_PROC, "slipway watch", () => {
  const workspace = workspaceAt(root, temporaryHome());
  const files = () =>
    readdirSync(workspace.home.state)
      .filter((name) => name.startsWith("watch-"))
      .sort();

  beforeAll(async () => {
    expect(await up({ systems: system, cwd: root }, workspace, recordingTerminal())).toBe(0);
  });
  afterAll(async () => {
    await stopPlatform(workspace);
    await removeHome(workspace.home);
  });
  afterEach(() => vi.unstubAllEnvs());

  async function run(options: Partial<WatchOptions>, terminal = recordingTerminal()) {
    const code = await watch({ system, ...options } as WatchOptions, terminal, workspace);
    return { code, printed: terminal.printed.join("\n"), logged: terminal.logged.join("\n") };
  }

  it("looks once with --for 0, prints and writes the report, and exits with 0 where it sees no problem", async () => {
    const { code, printed, logged } = await run({ for: 0 });
    expect({ code, logged }).toEqual({
      code: 0,
      logged: expect.stringMatching(
        /UTC {2}no problem: process ok, errors ok, validation ok, counts \d+ rows, health ok, \d+ ms at most\nThe report is in /,
      ),
    });
    expect(printed).toContain(`# Watch of the local platform, ${system}`);
    expect(readFileSync(join(workspace.home.state, `watch-local-${system}.md`), "utf8")).toBe(printed);
    // A watch that has ended does not hold up the next one.
    const json = await run({ for: 0, json: true });
    expect(JSON.parse(json.printed)).toMatchObject({ isComplete: true, gaps: [], problems: [] });
    expect(files().filter((name) => name.endsWith(".jsonl"))).toHaveLength(2);
  });

  it("is ended early by Ctrl-C, goes on when it is typed again, and refuses other rounds meanwhile", async () => {
    const rounds = { for: 3_600_000, every: 1_800_000 };
    const first = recordingTerminal();
    const early = run(rounds, first);
    await expect.poll(() => first.logged.join("")).toContain(" UTC  no problem");
    process.emit("SIGINT");
    expect(await early).toMatchObject({
      code: 1,
      logged: expect.stringContaining("The watch was ended early. To go on with it, type the same command again."),
    });

    await expect(run({ ...rounds, every: 60_000 })).rejects.toThrow(
      /^A watch with other rounds, which began at .*, has not ended\. Go on with it .*--restart$/,
    );
    const terminal = recordingTerminal();
    const again = run(rounds, terminal);
    await expect.poll(() => terminal.logged.join("")).toContain("Goes on with the watch");
    process.emit("SIGTERM");
    const { code, logged, printed } = await again;
    expect({ code, logged }).toEqual({ code: 1, logged: expect.stringMatching(/^Goes on with the watch that began at /) });
    expect(printed).toContain(": 1 round, 0 gaps, ");

    const before = files().length;
    expect(await run({ for: 0, restart: true })).toMatchObject({ code: 0 });
    expect(files()).toHaveLength(before + 1);
  });

  it.each([
    [{ SLIPWAY_ALERT_SMTP: "smtps://u:p4ss@mail" }, /Who sends the messages\? SLIPWAY_ALERT_FROM=/],
    [
      { SLIPWAY_ALERT_SMTP: "smtps://u:p4ss@mail", SLIPWAY_ALERT_FROM: "a@b.de" },
      /Who gets the messages\? No definition names an address\. SLIPWAY_ALERT_TO=/,
    ],
    [
      { SLIPWAY_ALERT_SMTP: "mail:p4ss", SLIPWAY_ALERT_FROM: "a@b.de", SLIPWAY_ALERT_TO: "c@d.de" },
      /^SLIPWAY_ALERT_SMTP: it is no address such as smtps:/,
    ],
    [{ SLIPWAY_ALERT_SLACK: "http://hooks.slack.com/p4ss" }, /^SLIPWAY_ALERT_SLACK must be an address that begins with https:\/\/\.$/],
    [{ SLIPWAY_ALERT_PAGERDUTY: "p4ss", SLIPWAY_ALERT_PAGERDUTY_URL: "ftp://x" }, /^SLIPWAY_ALERT_PAGERDUTY_URL must be an address/],
  ])("refuses channels that cannot work before it looks, without repeating a secret: %o", async (variables, message) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const error = await run({ for: 0 }).catch((reason: Error) => reason.message);
    expect(error).toMatch(message);
    expect(error).not.toContain("p4ss");
  });

  it("refuses durations that it does not know", async () => {
    expect(await slipway(["watch", "--for", "soon"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--for takes a duration such as"),
    });
    await expect(run({ every: 10 })).rejects.toThrow(/--every takes a second or more/);
  });
});
