import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gatesOf } from "../operate/phase/gates.ts";
import { fluxstudio as fluxstudioMapping } from "../systems/data/fluxstudio.ts";
import { decrypt, generateIdentity, identityToRecipient } from "./encryption.ts";
import { archiveFiles, requireOutside } from "./json-archive.ts";
import { readInventory } from "./repository.ts";
import { generateSigningKey, openSigned, parseSigningKey } from "./signature.ts";
import { openFolder } from "./store/folder.ts";
import { openStore } from "./store/location.ts";
import { addressOf, STORE_KEY, startSpaces } from "./testing/spaces.ts";

const AT = new Date("2026-11-05T10:20:30.400Z");
const PREFIX = "shop/json-archive/20261105T102030Z/";

describe("an archive of JSON files", () => {
  let root: string;
  const from = () => join(root, "data");
  const to = (name = "to") => join(root, name);
  const write = (file: string, content: string | Buffer) => {
    mkdirSync(join(from(), file, ".."), { recursive: true });
    writeFileSync(join(from(), file), content);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "slipway archive "));
    write("users.json", '[{"id":1,"name":"Ünä"}]');
    write("teams/2026/a \\ b\nc.json", randomBytes(3 * 2 ** 20));
    write("empty.json", "");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const archive = (more: Partial<Parameters<typeof archiveFiles>[0]> = {}) =>
    archiveFiles({ system: "shop", from: from(), copies: [openFolder(to())], at: AT, ...more });
  const sha256 = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(from(), file)))
      .digest("hex");
  const filesIn = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => name)
      : [];

  it("has every file byte for byte, with sums that sha256sum checks, and a manifest", async () => {
    const { files, bytes, prefix } = await archive();
    expect(prefix).toBe(PREFIX);
    expect(files.map((file) => file.path)).toEqual(["empty.json", "teams/2026/a \\ b\nc.json", "users.json"]);
    for (const file of files) {
      expect(file.sha256).toBe(sha256(file.path));
      expect(readFileSync(join(to(), PREFIX, "files", file.path)).equals(readFileSync(join(from(), file.path)))).toBe(true);
    }
    expect(bytes).toBe(3 * 2 ** 20 + 25);
    execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: join(to(), PREFIX) });
    expect(JSON.parse(readFileSync(join(to(), PREFIX, "manifest.json"), "utf8"))).toEqual({
      ...{ schema: 1, kind: "json-archive", system: "shop", at: AT.toISOString(), encrypted: false, files },
    });
  });

  it("in the copies of the backups is encrypted and signed, and is not taken for a backup", async () => {
    const identity = await generateIdentity();
    const signingKey = parseSigningKey(generateSigningKey().signingKey);
    const copies = [openFolder(to("one")), openFolder(to("two"))] as const;
    const { files } = await archive({ copies, recipients: [await identityToRecipient(identity)], signingKey });
    for (const copy of copies) {
      expect(openSigned((await copy.read(`${PREFIX}manifest.json`))!.body.toString(), [signingKey.publicKey])).toMatchObject({
        content: { encrypted: true, files },
      });
      for (const file of files) {
        const stored = await buffer(await copy.readStream(`${PREFIX}files/${file.path}`));
        expect(stored.includes("Ünä")).toBe(false);
        const plain = await buffer(await decrypt(await copy.readStream(`${PREFIX}files/${file.path}`), [identity]));
        expect(createHash("sha256").update(plain).digest("hex")).toBe(sha256(file.path));
      }
    }
    expect(await readInventory({ copies: [...copies], verifyKeys: [signingKey.publicKey] })).toEqual({
      backups: [],
      leftovers: [],
      refused: [],
      foreign: [],
    });
  });

  it("of teams and all other files is in object storage with its checksums, before Postgres alone has the data [F99]", async () => {
    expect(fluxstudioMapping.entities.map(({ from: source }) => ("file" in source ? source.file : ""))).toContain("teams");
    write("teams.json", '[{"id":2}]');
    const spaces = await startSpaces(["archives"]);
    try {
      const store = await openStore({ url: addressOf(spaces.url, "archives/prod"), key: STORE_KEY });
      const { files } = await archive({ copies: [store] });
      expect(files.map(({ path }) => path)).toContain("teams.json");
      const sums = (await store.read(`${PREFIX}SHA256SUMS`))!.body.toString();
      for (const file of files) {
        const stored = await buffer(await store.readStream(`${PREFIX}files/${file.path}`));
        expect(createHash("sha256").update(stored).digest("hex")).toBe(sha256(file.path));
        expect(sums).toContain(sha256(file.path));
      }
    } finally {
      await spaces.close();
    }
    expect(gatesOf({ from: "P2", to: "P3", wasPostgresOnly: false })).toContain("archive");
  });

  it.each<[string, (path: string) => void, string]>([
    ["a link to a file", (path) => symlinkSync(join(path, "users.json"), join(path, "link.json")), "link.json is a link"],
    ["a link to a folder", (path) => symlinkSync("/etc", join(path, "teams", "etc")), "teams/etc is a link"],
    ["a link that leads nowhere", (path) => symlinkSync("nowhere", join(path, "zz.json")), "zz.json is a link"],
    ["a pipe", (path) => execFileSync("mkfifo", [join(path, "pipe")]), "pipe is no regular file"],
  ])("is refused with %s, and nothing is copied", async (_, plant, message) => {
    plant(from());
    await expect(archive()).rejects.toMatchObject({ code: "archive-not-a-file", exit: 2, message: expect.stringContaining(message) });
    expect(filesIn(to())).toEqual([]);
  });

  it.each<[string, (file: string) => void]>([
    ["written in place", (file) => appendFileSync(file, "x")],
    ["written in place with bytes of the same number", (file) => writeFileSync(file, '[{"id":2,"name":"Ünä"}]')],
    ["removed", (file) => rmSync(file)],
    [
      "replaced by a link",
      (file) => {
        rmSync(file);
        symlinkSync("/etc/hostname", file);
      },
    ],
    ["joined by another one", (file) => writeFileSync(`${file}.2`, "{}")],
  ])("is refused where a file is %s during the copy, and leaves nothing", async (_, change) => {
    const file = join(from(), "users.json");
    const store = openFolder(to());
    // After it was opened, or before its turn.
    const copies = [
      {
        ...store,
        writeStream: async (...args: Parameters<typeof store.writeStream>) => {
          if (args[0].endsWith("empty.json") || existsSync(file)) await store.writeStream(...args);
          if (args[0].endsWith("users.json")) change(file);
        },
      },
    ];
    const isEarly = ["removed", "replaced by a link"].includes(_);
    const onFile = (name: string) => isEarly && name === "users.json" && change(file);
    await expect(archive({ copies: isEarly ? [store] : copies, onFile })).rejects.toMatchObject({
      code: "archive-changed",
      exit: 1,
      message: expect.stringContaining("changed during the copy. Nothing was archived."),
    });
    expect(filesIn(to())).toEqual([]);
  });

  it("has a file as it was opened where another one takes its place, as in an atomic write", async () => {
    const file = join(from(), "users.json");
    const before = sha256("users.json");
    const store = openFolder(to());
    const copies = [
      {
        ...store,
        writeStream: async (...args: Parameters<typeof store.writeStream>) => {
          writeFileSync(`${root}/new.json`, "[]");
          if (args[0].endsWith("users.json")) renameSync(`${root}/new.json`, file);
          await store.writeStream(...args);
        },
      },
    ];
    const { files } = await archive({ copies });
    expect(files.at(-1)).toMatchObject({ path: "users.json", sha256: before });
    expect(readFileSync(file, "utf8")).toBe("[]");
  });

  it("is refused where a copy has other bytes than those that were written", async () => {
    const store = openFolder(to());
    const copies = [
      {
        ...store,
        writeStream: async (...args: Parameters<typeof store.writeStream>) => {
          await store.writeStream(...args);
          appendFileSync(join(to(), args[0]), "x");
        },
      },
    ];
    await expect(archive({ copies })).rejects.toMatchObject({ code: "archive-damaged", exit: 1 });
    expect(filesIn(to())).toEqual([]);
  });

  it("of nothing is a failure, and so is one into its own folder", async () => {
    mkdirSync(join(root, "none", "deep"), { recursive: true });
    await expect(archive({ from: join(root, "none") })).rejects.toMatchObject({ code: "archive-empty", exit: 2 });
    for (const inside of [from(), join(from(), "copy"), `${from()}/../data/x`])
      await expect(requireOutside(from(), inside)).rejects.toMatchObject({ code: "archive-inside" });
    await expect(requireOutside(join(root, "absent"), to())).rejects.toThrow("is no folder");
    await requireOutside(from(), `${from()}-2`);
  });
});
