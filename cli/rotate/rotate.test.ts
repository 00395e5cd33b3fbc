import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, slipway } from "../testing/slipway.ts";

describe("slipway rotate", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway rotate "));
    for (const name of ["Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.staging.yaml", "Pulumi.local.yaml"])
      cpSync(join(root, name), join(folder, name));
    for (const name of ["index.ts", "package.json"]) symlinkSync(join(root, name), join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const rotate = (...argv: string[]) => slipway(["rotate", ...argv, "--cwd", folder], { columns: 100 });

  it.each([
    [[], 2, "slipway rotate needs a command: status, plan, keys, secrets, run."],
    [["run"], 2, "Which stack? This project has local, prod, staging: slipway rotate run --stack prod"],
    [["run", "--stack", "prod"], 2, "Which system? slipway rotate run -s prod"],
    [["run", "--stack", "qa", "--system", "devx"], 2, 'There is no stack "qa"'],
    [["run", "--stack", "prod", "--system", "dev"], 2, 'There is no system "dev". Did you mean devx?'],
    [["run", "--stack", "prod", "--system", "devx", "--role", "admin"], 2, '--role takes runtime, owner, readonly or backup, not "admin"'],
    [
      ["run", "--stack", "prod", "--system", "devx", "--wait", "soon"],
      2,
      '--wait takes a whole number of seconds, from 0 to 86400, not "soon"',
    ],
    [["keys", "--stack", "prod", "--system", "devx"], 2, "The keys of all buckets of a stack are rotated together: leave out --system."],
    [["keys", "--stack", "local"], 2, "Stack local has no bucket, so there is no key to rotate."],
    [["secrets", "--stack", "prod"], 2, "Which system? slipway rotate secrets -s prod"],
    [
      ["secrets", "--stack", "prod", "--system", "candlefish", "--name", "jwtSecret"],
      2,
      "jwtSecret is generated. All generated secrets of a system",
    ],
    [
      ["secrets", "--stack", "prod", "--system", "devx", "--name", "jwt"],
      2,
      'Stack prod has no secret "jwt" of DevX Platform that an operator sets.',
    ],
    [["secrets", "--stack", "prod", "--system", "fluxstudio"], 0, ""],
    [["status", "--stack", "local", "--system", "devx", "--end-sessions"], 2, "slipway rotate status has no flag --end-sessions."],
  ])("%j exits with %i and prints what to type, and changes nothing", async (argv, code, words) => {
    const before = readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8");
    const { code: ended, stderr } = await rotate(...argv);
    expect([ended, stderr.replaceAll(/\s+/g, " ")]).toEqual([code, expect.stringContaining(words)]);
    expect(readFileSync(join(folder, "Pulumi.prod.yaml"), "utf8")).toBe(before);
  });

  it("plan prints every role, generated secret, operator secret and store with its commands, without an account", async () => {
    const { code, stdout } = await rotate("plan", "--stack", "prod", "--system", "candlefish");
    expect(code).toBe(0);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain("Database role runtime: candlefish, never rotated");
    expect(text).toContain("2. Pool candlefish_collaboration is changed in place to admit both users.");
    expect(text).toMatch(/slipway rotate run -s prod (--cwd '[^']+' )?--system candlefish --role owner/);
    expect(text).toMatch(/slipway rotate secrets -s prod (--cwd '[^']+' )?--system candlefish --yes/);
    expect(text).toContain("Valkey candlefish-state-valkey: ");
    const [plan] = JSON.parse((await rotate("plan", "--stack", "prod", "--system", "candlefish", "--json")).stdout);
    expect(plan.roles.map(({ active, next }: Record<string, string>) => [active, next])).toEqual([
      ["candlefish_owner", "candlefish_owner_b"],
      ["candlefish", "candlefish_b"],
      ["candlefish_readonly", "candlefish_readonly_b"],
      ["candlefish_backup", "candlefish_backup_b"],
    ]);
  });
});
