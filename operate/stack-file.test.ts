import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseStackFile, quoted, setIn, writeStackFile } from "./stack-file.ts";

const TEXT = `# Of the shop.
encryptionsalt: v1:abc
config:
  # The token.
  digitalocean:token:
    secure: v1:${"x".repeat(200)}
  slipway:shop:
    phase: P1 # One line.
    phaseSince: "2026-01-31T08:00:00.000Z"
`;

class OwnError extends Error {}

describe("a stack's file", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway stack file "));
  const file = { path: join(folder, "Pulumi.prod.yaml"), name: "Pulumi.prod.yaml" };
  const read = () => parseStackFile(file, (problem) => new OwnError(problem));
  const text = () => readFileSync(file.path, "utf8");
  beforeEach(() => writeFileSync(file.path, TEXT, { mode: 0o640 }));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is equal byte for byte where nothing was set: comments, order, long lines and encrypted values stay", () => {
    writeStackFile(file, read());
    expect(text()).toBe(TEXT);
  });

  it("gets a value below maps that are created where they are missing, or are no maps", () => {
    const document = read();
    setIn(document, ["config", "slipway:shop", "phase"], "P2");
    setIn(document, ["config", "slipway:toys", "credentials", "runtime", "active"], "b");
    setIn(document, ["config", "slipway:shop", "phaseSince", "was"], "a text");
    writeStackFile(file, document);
    expect(parse(text())).toEqual({
      encryptionsalt: "v1:abc",
      config: {
        "digitalocean:token": { secure: `v1:${"x".repeat(200)}` },
        "slipway:shop": { phase: "P2", phaseSince: { was: "a text" } },
        "slipway:toys": { credentials: { runtime: { active: "b" } } },
      },
    });
    expect(text()).toContain("    phase: P2 # One line.\n");
  });

  it("has a day and a time in quotes, as Pulumi reads others as no text", () => {
    const document = read();
    setIn(document, ["config", "slipway:keysRotated"], quoted("2026-12-02"));
    writeStackFile(file, document);
    expect(text()).toBe(`${TEXT}  slipway:keysRotated: "2026-12-02"\n`);
  });

  it("keeps its mode, stays a link where it is one, and leaves no draft", () => {
    const link = { path: join(folder, "Pulumi.link.yaml"), name: "Pulumi.link.yaml" };
    symlinkSync(file.path, link.path);
    const document = parseStackFile(link, (problem) => new OwnError(problem));
    setIn(document, ["config", "slipway:region"], "nyc1");
    writeStackFile(link, document);
    expect(lstatSync(link.path).isSymbolicLink()).toBe(true);
    expect(text()).toBe(`${TEXT}  slipway:region: nyc1\n`);
    expect(statSync(file.path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["Pulumi.link.yaml", "Pulumi.prod.yaml"]);
  });

  it("is refused with the caller's error where it is not valid YAML, and stays as it is", () => {
    const broken = "config:\n  slipway:shop: {";
    writeFileSync(file.path, broken);
    expect(read).toThrow(OwnError);
    expect(read).toThrow(/^Pulumi\.prod\.yaml is not valid YAML: .* at line 2/);
    expect(text()).toBe(broken);
  });
});
