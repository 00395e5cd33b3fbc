/**
 * Pull requests whose files attack the preview instead of their program: packages, configuration of npm, the project's and the stacks' files, the tree of
 * git. Where a tool would do harm with them, the control runs that tool.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findSandbox } from "../../preview/sandbox/sandbox.ts";
import { Checkout, programOf } from "../../preview/testing/checkout.ts";
import { describeUnless } from "../skip.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const SECRET = "prey-77d0c3b1";

const here = await findSandbox();
const missing = here === undefined ? { reason: "this system allows no sandbox", enable: "apt-get install bubblewrap" } : undefined;

describeUnless(missing, "an untrusted commit", () => {
  let checkout: Checkout;
  let outside: string;
  let secret: string;
  beforeEach(() => {
    checkout = new Checkout();
    outside = mkdtempSync(path.join(tmpdir(), "slipway-outside-"));
    secret = path.join(outside, "secret.yaml");
    writeFileSync(secret, `config:\n  harbour:color: ${SECRET}\n`);
  });
  afterEach(() => {
    checkout.remove();
    rmSync(outside, { recursive: true, force: true });
  });

  async function reviewed(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const { code, out, said: errors } = await checkout.preview(["--base", "HEAD~1", "--format", "json", ...args], env);
    const review = code === 2 || out === "" ? undefined : JSON.parse(out);
    return { code, errors, text: out + errors, stack: review?.stacks[0] };
  }

  describe("that names packages", () => {
    let registry: Registry;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(() => registry.close());

    const marker = () => path.join(outside, "ran");
    const evil = () => `#!/bin/sh\ntouch ${marker()}\nexit 1\n`;

    /** As a workflow has it: nothing is installed for the head. The base has the lock file of the slipway that runs. */
    function withoutPackages(): void {
      rmSync(path.join(checkout.directory, "node_modules"));
      for (const name of ["package.json", "package-lock.json"]) checkout.write(name, readFileSync(path.join(ROOT, name), "utf8"));
      checkout.commit("with a lock file");
    }

    function changeLock(change: (packages: Record<string, object>) => void): void {
      const lock = JSON.parse(readFileSync(path.join(checkout.directory, "package-lock.json"), "utf8"));
      change(lock.packages);
      checkout.write("package-lock.json", JSON.stringify(lock, null, 2));
      checkout.commit("a fork");
    }

    it("gets the packages of the base if the lock file is the same", async () => {
      withoutPackages();
      checkout.write("index.ts", programOf(`new digitalocean.Tag("new", { name: "x" });`));
      checkout.commit("a fork");
      const { stack } = await reviewed();
      expect(stack.messages).toEqual([]);
      expect(stack.resources.map(({ change, name }: { change: string; name: string }) => `${change} ${name}`)).toContain("create new");
    });

    it("runs no program that it configures for npm", async () => {
      withoutPackages();
      const repository = `git+file://${outside}/evil.git`;
      const locked = `${repository}#${"a".repeat(40)}`;
      checkout.write("evil.sh", evil());
      checkout.git("update-index", "--chmod=+x", "--add", "evil.sh");
      execFileSync("chmod", ["+x", path.join(checkout.directory, "evil.sh")]);
      checkout.write(".npmrc", "git=./evil.sh\nignore-scripts=false\nscript-shell=./evil.sh\n");
      changeLock((packages) => {
        packages["node_modules/evil"] = { version: "1.0.0", resolved: locked };
        Object.assign(packages[""]!, { dependencies: { evil: repository } });
      });
      const { stack } = await reviewed();
      expect(existsSync(marker())).toBe(false);
      expect(stack.messages).toEqual([
        {
          severity: "warning",
          text: expect.stringMatching(/^The head has a package-lock\.json that is not installed \(.*\): it ran with the base's packages/),
        },
      ]);
      expect(stack.failure).toBeUndefined();
      // The control: npm itself runs it. The whole lock file would take long.
      const alone = path.join(outside, "alone");
      mkdirSync(alone);
      writeFileSync(path.join(alone, "evil.sh"), evil(), { mode: 0o755 });
      writeFileSync(path.join(alone, ".npmrc"), "git=./evil.sh\n");
      const root = { dependencies: { evil: repository } };
      writeFileSync(path.join(alone, "package.json"), JSON.stringify(root));
      const packages = { "": root, "node_modules/evil": { version: "1.0.0", resolved: locked } };
      writeFileSync(path.join(alone, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages }));
      // It cannot get the package.
      expect(() => execFileSync("npm", ["ci", "--ignore-scripts", "--offline"], { cwd: alone, stdio: "ignore" })).toThrow();
      expect(existsSync(marker())).toBe(true);
    });

    it("gets no link out of the checkout", async () => {
      withoutPackages();
      const linked = { resolved: path.relative(checkout.directory, outside), link: true };
      writeFileSync(path.join(outside, "package.json"), `{ "name": "outside", "version": "1.0.0", "main": "index.cjs" }\n`);
      writeFileSync(path.join(outside, "index.cjs"), `module.exports = ${JSON.stringify(SECRET)};\n`);
      checkout.write(
        "index.ts",
        programOf(`const { createRequire } = process.getBuiltinModule("module");
        let found; try { found = createRequire(import.meta.url)("outside"); } catch (error) { found = error.code; }
        pulumi.log.warn(String(found));`),
      );
      changeLock((packages) => Object.assign(packages, { "node_modules/outside": linked, [linked.resolved]: { version: "1.0.0" } }));
      const { stack, text } = await reviewed();
      expect(text).not.toContain(SECRET);
      expect(stack.messages.map(({ text }: { text: string }) => text)).toContain("MODULE_NOT_FOUND");
      // The control: npm makes it. Only the link is of interest, and the whole lock file would take long.
      const alone = path.join(outside, "alone");
      mkdirSync(alone);
      const own = {
        "": { dependencies: { outside: "file:.." } },
        "node_modules/outside": { resolved: "..", link: true },
        "..": { version: "1.0.0" },
      };
      writeFileSync(path.join(alone, "package.json"), JSON.stringify({ dependencies: { outside: "file:.." } }));
      writeFileSync(path.join(alone, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages: own }));
      execFileSync("npm", ["ci", "--ignore-scripts", "--offline"], { cwd: alone, stdio: "ignore" });
      expect(realpathSync(path.join(alone, "node_modules/outside"))).toBe(realpathSync(outside));
    });

    it("runs with packages of the user's registry, of which no script runs", async () => {
      withoutPackages();
      const script = `touch ${marker()}`;
      const dependency = registry.publish("harbour-colors", {
        "package.json": JSON.stringify({
          ...{ name: "harbour-colors", version: "1.0.0", main: "index.cjs" },
          scripts: { preinstall: script, install: script, postinstall: script },
        }),
        "index.cjs": `module.exports = "amber";\n`,
      });
      const kept = ["@pulumi/digitalocean", "@pulumi/pulumi", "@pulumi/random"];
      checkout.write("index.ts", programOf());
      changeLock((packages) => {
        for (const place of Object.keys(packages)) if (place !== "") delete packages[place];
        packages[""] = { name: "harbour", dependencies: { "harbour-colors": "1.0.0" } };
        packages["node_modules/harbour-colors"] = dependency;
      });
      void kept;
      const { stack, errors } = await reviewed([], { npm_config_registry: registry.url });
      expect(existsSync(marker()), errors).toBe(false);
      if (process.env.SHOW) console.log(JSON.stringify(stack));
      expect(stack.messages).toEqual([]);
      expect(registry.requests).toContain("/harbour-colors/-/harbour-colors-1.0.0.tgz");
      // It has these packages and no other: neither the base's nor slipway's.
      expect(stack.failure).toEqual({ side: "head", message: expect.stringContaining("Cannot find package '@pulumi/pulumi'") });
    });
  });

  describe("whose project file", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `key${index}: value`).join("\n");
    const bomb = () => {
      const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
      for (let level = 1; level < 12; level++)
        lines.push(
          `a${level}: &a${level} [${Array(10)
            .fill(`*a${level - 1}`)
            .join(", ")}]`,
        );
      return lines.join("\n");
    };

    it.each([
      ["has 400,000 keys", () => ["Pulumi.yaml", `name: harbour\nruntime: nodejs\nmain: index.ts\n${many(400_000)}\n`]],
      ["expands to billions of values", () => ["Pulumi.yaml", `name: harbour\nruntime: nodejs\nmain: index.ts\n${bomb()}\n`]],
      [
        "is nested 100,000 levels deep",
        () => ["Pulumi.yaml", `name: harbour\nruntime: nodejs\nmain: index.ts\nx: ${"[".repeat(100_000)}\n`],
      ],
      ["has a name of 10 MB", () => ["Pulumi.yaml", `name: ${"x".repeat(10_000_000)}\nruntime: nodejs\nmain: index.ts\n`]],
      ["has a stack with 400,000 settings", () => ["Pulumi.prod.yaml", `config:\n${many(400_000).replaceAll(/^/gm, "  harbour:")}\n`]],
      [
        "has a stack that expands to billions of values",
        () => ["Pulumi.prod.yaml", `config:\n  harbour:x:\n${bomb().replaceAll(/^/gm, "    ")}\n`],
      ],
    ] as const)("%s ends the preview in time, with a reason or a review", async (_, make) => {
      const [file, text] = make();
      checkout.write(file!, text!);
      checkout.commit("a fork");
      const { code, errors, stack } = await reviewed(["--timeout", "5"]);
      if (code === 2) expect(errors).toMatch(/^head: .{10,400}\n$/s);
      else expect([0, 1]).toContain(code);
      if (code === 1) expect(stack.failure.message.length).toBeGreaterThan(10);
    });

    it.each(["relative", "absolute"])("reads the stacks of no folder outside of the commit, named by its %s path", async (kind) => {
      writeFileSync(path.join(outside, "Pulumi.prod.yaml"), readFileSync(secret));
      const folder = kind === "relative" ? path.relative(checkout.directory, outside) : outside;
      checkout.write("Pulumi.yaml", `name: harbour\nruntime: nodejs\nmain: index.ts\nstackConfigDir: ${folder}\n`);
      checkout.write("index.ts", programOf(`pulumi.log.warn("color: " + new pulumi.Config().get("color"));`));
      checkout.commit("a fork");
      const { text, code, errors } = await reviewed();
      expect(text).not.toContain(SECRET);
      expect([code, errors]).toEqual([2, "head: Pulumi.yaml names a file outside of the commit.\n"]);
      // The control: a plan, which is of the user's own program, reads them.
      const plan = [path.join(ROOT, "bin/slipway.js"), "plan", "--stack", "prod", "--cwd", checkout.directory];
      expect(execFileSync(process.execPath, plan, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })).toContain(SECRET);
    });

    it("names no program outside of the commit", async () => {
      writeFileSync(path.join(outside, "index.ts"), `throw new Error(${JSON.stringify(SECRET)});\n`);
      checkout.write("Pulumi.yaml", `name: harbour\nruntime: nodejs\nmain: ${path.join(outside, "index.ts")}\n`);
      checkout.commit("a fork");
      const { text, code } = await reviewed();
      expect([code, text.includes(SECRET)]).toEqual([2, false]);
    });
  });

  it("cannot hide a stack: what describes the project is sent before its program runs", async () => {
    const forged = JSON.stringify({ project: { name: "harbour", stacks: {} } });
    checkout.write(
      "index.ts",
      programOf(`process.getBuiltinModule("fs").writeSync(3, ${JSON.stringify(`${forged}\n[]\n`)});\nprocess.exit(0);`),
    );
    checkout.commit("a fork");
    const { stack } = await reviewed();
    expect(stack).toMatchObject({ stack: "prod", failure: { side: "head" } });
  });

  it("cannot make the comparison take longer than its limit", async () => {
    const resources = `for (let n = 0; n < 8_000; n++) new pulumi.CustomResource("digitalocean:index/tag:Tag", "tag" + n, { name: "x".repeat(100) + n, at: { deep: { deeper: n } } });`;
    checkout.write("index.ts", programOf(resources));
    checkout.commit("a fork");
    const { code, said: errors } = await checkout.preview(["--base", "HEAD~1", "--timeout", "10", "--format", "json"]);
    const ended = [0, 1, null];
    expect(ended, errors).toContain(code);
    if (code === null) expect(errors).toContain("The comparison did not finish within 10 seconds, so there is no review.");
  });
});

interface Registry {
  readonly url: string;
  readonly requests: readonly string[];
  /** @returns the entry of a lock file */
  publish(name: string, files: Readonly<Record<string, string>>): object;
  close(): void;
}

/** A registry of npm packages on this machine, of version 1.0.0 each. */
async function startRegistry(): Promise<Registry> {
  const archives = new Map<string, Buffer>();
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const found = archives.get(request.url ?? "");
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  return {
    url,
    requests,
    publish(name, files) {
      const folder = mkdtempSync(path.join(tmpdir(), "slipway-package-"));
      mkdirSync(path.join(folder, "package"));
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, "package", file), text);
      const archive = gzipSync(execFileSync("tar", ["-c", "-C", folder, "package"]));
      rmSync(folder, { recursive: true });
      const place = `/${name}/-/${name}-1.0.0.tgz`;
      archives.set(place, archive);
      const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
      return { version: "1.0.0", resolved: `${url}${place.slice(1)}`, integrity };
    },
    close: () => server.close(),
  };
}
