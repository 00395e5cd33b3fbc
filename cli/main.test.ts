import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { reportError } from "./shared/report-error.ts";
import { recordingTerminal, root, slipway, startSlipway } from "./testing/slipway.ts";

const house = path.join(root, "engine/fixtures/house");

describe("the command line", () => {
  it("prints the version", async () => {
    expect(await slipway(["--version"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(await slipway(["-v"])).toEqual(await slipway(["--version"]));
  });

  it.each([
    [["paln"], 'There is no command "slipway paln". Did you mean slipway plan? See: slipway --help'],
    [["constructor"], 'There is no command "slipway constructor". See: slipway --help'],
    [
      ["migrate", "statsu"],
      'There is no command "slipway migrate statsu". Did you mean slipway migrate status? See: slipway migrate --help',
    ],
    [["plan", "--jsn"], "slipway plan has no flag --jsn. Did you mean --json? See: slipway plan --help"],
    [["plan", "-x"], "slipway plan has no flag -x. See: slipway plan --help"],
    [["migrate", "up", "--sistem", "a"], "slipway migrate up has no flag --sistem. Did you mean --system? See: slipway migrate up --help"],
    [["plan", "--stack"], "slipway plan: --stack needs a value: --stack <name>. See: slipway plan --help"],
    [["plan", "--stack", "--json"], "slipway plan: --stack needs a value: --stack <name>. See: slipway plan --help"],
    [["plan", "--json=yes"], "slipway plan: --json takes no value. See: slipway plan --help"],
    [["plan", "prod"], "slipway plan takes no arguments besides its flags. See: slipway plan --help"],
    [["local", "env", "a", "b", "c"], "slipway local env takes 2 arguments besides its flags. See: slipway local env --help"],
    [["migrate", "new"], "slipway migrate new needs <name>. See: slipway migrate new --help"],
    [["local"], "slipway local needs a command: up, down, reset, status, env, logs, api. See: slipway local --help"],
  ])("%j exits with 2 and names the problem, the fix and the help", async (argv, message) => {
    expect(await slipway(argv)).toEqual({ code: 2, stdout: "", stderr: message });
  });

  it("takes the flags of a group before and after the command", async () => {
    const after = await slipway(["local", "env", "--cwd", house]);
    expect(await slipway(["local", "--cwd", house, "env"])).toEqual(after);
    expect(after.stderr).toContain("Which system and service?");
  });
});

describe("the whole process", () => {
  it("prints the same bytes twice, without secrets and colours", async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => startSlipway(["plan", "-s", "prod", "--cwd", house, "--json"], { FORCE_COLOR: "" })),
    );
    expect(one).toMatchObject({ code: 0, stderr: "" });
    expect(one?.stdout).toBe(two?.stdout);
    expect(JSON.parse(one?.stdout ?? "")).toMatchObject({
      project: "house",
      stack: "prod",
      placeholders: ["house:mail.password", "house:token"],
    });
    expect(one?.stdout).not.toContain("placeholder-");
    expect(one?.stdout).toBe(stripVTControlCharacters(one?.stdout ?? ""));
  });

  it("prints a mistake in one sentence, and the stack trace only with SLIPWAY_DEBUG=1", async () => {
    const typo = ["plan", "-s", "prod", "--cwd", house, "-c", "nodes=many"];
    const plain = await startSlipway(typo);
    expect(plain).toMatchObject({ code: 1, stdout: "" });
    expect(plain.stderr).not.toMatch(/\n +at /);
    expect((await startSlipway(typo, { SLIPWAY_DEBUG: "1" })).stderr).toMatch(/\n +at /);
  });

  it("exits and names what waits for what when a program never ends", async () => {
    const { code, stderr } = await startSlipway(["plan", "-s", "dev", "--cwd", path.join(root, "engine/fixtures/stuck")]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'The program never ends: stuck:index:Thing "waiting" waits for its until. Check for resources that wait for each other, and for a promise that nothing resolves.\n',
    );
  });
});

describe("a secret", () => {
  const TOKEN = "kB7xQ2vR9mT4wZ8nL5cJ1hG6";
  const leaky = path.join(root, "engine/fixtures/leaky");

  it("is printed neither with the program's error, nor with SLIPWAY_DEBUG=1, nor with the output of the program", async () => {
    const { code, stdout, stderr } = await startSlipway(["plan", "-s", "dev", "--json", "--cwd", leaky], { SLIPWAY_DEBUG: "1" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("printed [secret]\n");
    expect(stderr).toMatch(/refused \[secret\] \(index\.ts:\d+\)\n/);
    expect(stderr).toMatch(/caused by: Error: by postgres:\/\/\[secret\]@db\.example\.com\/app with \[secret\]\n +at /);
    for (const form of [TOKEN, TOKEN.slice(0, 12), Buffer.from(TOKEN).toString("base64").slice(4, 20), "p@ss"])
      expect(stderr).not.toContain(form);
  });

  it("is not printed when the program exits before its secrets are known", async () => {
    const { code, stdout, stderr } = await startSlipway(["plan", "-s", "dev", "--cwd", leaky], { LEAKY_EXITS: "1" });
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 9, stdout: "" },
      stderr: "The process exited while the program ran. Its output is not shown, because its secrets were not known yet.\n",
    });
  });

  it("is not repeated from the command line, such as half a value or a value without its key", async () => {
    for (const argv of [
      ["plan", "-s", "dev", "-c", TOKEN],
      ["plan", "-s", "dev", "-c", `=${TOKEN}`],
      ["plan", "-s", "dev", "-c", "token=", TOKEN],
      ["plan", "-s", "dev", `--tokn=${TOKEN}`],
      ["plan", "-s", "dev", `-x${TOKEN}`],
    ]) {
      const { code, stderr } = await slipway(argv);
      expect({ code, isPrinted: stderr.includes(TOKEN) }).toEqual({ code: 2, isPrinted: false });
    }
  });

  it("is recognized by its shape in every error", () => {
    const terminal = recordingTerminal();
    expect(
      reportError(
        new Error("Unable to authenticate: dop_v1_0123456789abcdef0123456789abcdef at https://bob:hush@api.example.com/v2"),
        terminal,
      ),
    ).toBe(1);
    expect(terminal.logged).toEqual(["Unable to authenticate: [secret] at https://[secret]@api.example.com/v2"]);
  });

  it("is recognized when it is in the environment, also without the URL that contains it", () => {
    const terminal = recordingTerminal();
    vi.stubEnv("SLIPWAY_TEST_URL", "postgres://app:correct-horse@db.example.com/app");
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "battery staple");
    reportError(new Error("password correct-horse is wrong, and so is battery staple, at db.example.com"), terminal);
    vi.unstubAllEnvs();
    expect(terminal.logged).toEqual(["password [secret] is wrong, and so is [secret], at db.example.com"]);
  });
});
