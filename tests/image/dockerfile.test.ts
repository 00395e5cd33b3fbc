/** The Dockerfile as a text, and what reads it. Whether its image works is the subject of image.test.ts, which needs root. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAJORS } from "../../postdeploy/migrate/testing/server.ts";
import { importsOf } from "../conventions/imports.ts";
import { ROOT } from "../setup/checkout.ts";
import { contextFiles, parseDockerfile } from "./dockerfile.ts";

const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

describe("the Dockerfile", () => {
  const stages = parseDockerfile(read("Dockerfile"));
  const files = contextFiles(ROOT, read(".dockerignore"));
  const commands = stages.flatMap(({ instructions }) => instructions.flatMap((one) => (one.kind === "run" ? [one.command] : [])));

  it("has one base, of the version of Node that the tests run on", () => {
    const { node } = JSON.parse(read("package.json")).devDependencies;
    const names = stages.map(({ name }) => name);
    expect(stages.map(({ from }) => from).filter((from) => !names.includes(from))).toEqual([`node:${node}-bookworm-slim`]);
  });

  it("installs the packages of package-lock.json without those for development, and without their scripts", () => {
    expect(commands.filter((command) => /\bnpm\b/.test(command))).toEqual(["npm ci --omit=dev --ignore-scripts"]);
  });

  it("has the clients of every supported major of Postgres", () => {
    expect(commands.join("\n")).toContain(` ${MAJORS.join(" ")} `);
  });

  it("copies every file that a copied file imports, and no test", () => {
    const code = files.filter((file) => /\.(ts|js)$/.test(file));
    // Of all files of the repository, so that an import of one that is left out is found.
    const imported = importsOf(
      ROOT,
      contextFiles(ROOT, "dist\n.slipway").filter((file) => /\.(ts|js)$/.test(file)),
    );
    expect(imported.filter(({ from, to }) => code.includes(from) && !files.includes(to))).toEqual([]);
    expect(files.filter((file) => /\.test\.|(^|\/)(tests|testing|docs|bench|\.git)\//.test(file))).toEqual([]);
  });

  it("copies every file that the installation of the clients imports into its stage", () => {
    const copied = stages.find(({ name }) => name === "clients")!.instructions.flatMap((one) => (one.kind === "copy" ? one.sources : []));
    const isCopied = (file: string) => copied.some((source) => file === source || file.startsWith(`${source}/`));
    const imports = importsOf(ROOT, files);
    const reached = new Set(["image/postgres-clients.ts"]);
    for (const file of reached) for (const { from, to } of imports) if (from === file) reached.add(to);
    expect([...reached].filter((file) => !isCopied(file))).toEqual([]);
  });
});

describe("a Dockerfile", () => {
  const parse = (...lines: string[]) => parseDockerfile(["FROM node:1.2.3-bookworm-slim AS one", ...lines].join("\n"));

  it("is read instruction by instruction", () => {
    const text = [
      "# a comment",
      "RUN --mount=type=cache,target=/root/.npm a && \\",
      "  b",
      "COPY --from=one --chmod=755 /a /b",
      "ENV A=1 B=2",
    ];
    expect(parse(...text, "WORKDIR /app", "USER 1:2", 'ENTRYPOINT ["a", "b"]')).toEqual([
      {
        name: "one",
        from: "node:1.2.3-bookworm-slim",
        instructions: [
          { kind: "run", command: "a && b", caches: ["/root/.npm"] },
          { kind: "copy", from: "one", mode: "755", sources: ["/a"], to: "/b" },
          { kind: "env", variables: { A: "1", B: "2" } },
          { kind: "workdir", path: "/app" },
          { kind: "user", uid: 1, gid: 2 },
          { kind: "entrypoint", words: ["a", "b"] },
        ],
      },
    ]);
  });

  it.each([
    "ARG NODE=24",
    "ADD a b",
    'SHELL ["bash"]',
    "RUN --network=none a",
    "RUN --mount=type=secret,id=a b",
    'RUN ["a"]',
    "COPY --link a b",
    "COPY *.ts a/",
    "ENV A=$B",
    "WORKDIR app",
    "USER node",
    "ENTRYPOINT slipway",
  ])("is refused where it has an instruction that would not be run: %s", (line) => {
    expect(() => parse(line)).toThrow("does not implement");
  });
});

describe("a .dockerignore file", () => {
  it("keeps the files that the last pattern for them or for one of their folders keeps", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-context-"));
    for (const path of [".env", "a/b.ts", "a/b.test.ts", "a/testing/c.ts", "d/e.ts", "package.json"]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), "");
    }
    const kept = (...patterns: string[]) => contextFiles(folder, patterns.join("\n")).sort();
    expect(kept("*", "!a", "**/*.test.ts", "**/testing")).toEqual(["a/b.ts"]);
    expect(kept("*", "!*.json", "# !d", "")).toEqual(["package.json"]);
    expect(kept("a", "!a/b.ts")).toEqual([".env", "a/b.ts", "d/e.ts", "package.json"]);
    rmSync(folder, { recursive: true });
  });
});
