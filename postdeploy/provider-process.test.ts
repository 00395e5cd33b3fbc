import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const MODULE = new URL("./provider-process.ts", import.meta.url).href;
const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const end of cleanup.splice(0)) end();
});

interface Provider {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** A process at the path of Pulumi's dynamic provider, with one step that takes 200 ms to stop. */
async function startProvider(port: number, folder = "cmd/dynamic-provider"): Promise<Provider> {
  const root = mkdtempSync(join(tmpdir(), "slipway-provider-"));
  cleanup.push(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, folder), { recursive: true });
  const script = join(root, folder, "index.js");
  writeFileSync(
    script,
    `import(${JSON.stringify(MODULE)}).then(({ runStoppable, stopWithEngine }) => {
      stopWithEngine();
      setInterval(() => {}, 1000);
      runStoppable((signal) => new Promise((resolve) => signal.addEventListener("abort", () => {
        console.log("stopping");
        setTimeout(() => { console.log("rolled back"); resolve(); }, 200);
      })));
      console.log("started");
    });`,
  );
  const child = spawn(process.execPath, [script, `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
  cleanup.push(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (part) => (output += part));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await expect.poll(() => output, { timeout: 10_000 }).toContain("started");
  return { process: child, output: () => output, ended };
}

async function startEngine(): Promise<{ readonly port: number; readonly sockets: Set<Socket>; stop(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  cleanup.push(stop);
  return { port: (server.address() as AddressInfo).port, sockets, stop };
}

it("stops with the engine that started it, after its step has stopped", async () => {
  const engine = await startEngine();
  const provider = await startProvider(engine.port);
  await expect.poll(() => engine.sockets.size).toBe(1);
  engine.stop();
  expect(await provider.ended).toBe(143);
  expect(provider.output()).toBe("started\nstopping\nrolled back\n");
});

it("stops in the same way on SIGTERM", async () => {
  const engine = await startEngine();
  const provider = await startProvider(engine.port);
  provider.process.kill("SIGTERM");
  expect(await provider.ended).toBe(143);
  expect(provider.output()).toBe("started\nstopping\nrolled back\n");
});

it("goes on when the engine closes an idle connection, and connects again", async () => {
  const engine = await startEngine();
  const provider = await startProvider(engine.port);
  await expect.poll(() => engine.sockets.size).toBe(1);
  const [first] = engine.sockets;
  first!.destroy();
  await expect.poll(() => [...engine.sockets].some((socket) => socket !== first)).toBe(true);
  expect(provider.output()).toBe("started\n");
});

it("watches nothing in a process that is no provider", async () => {
  const engine = await startEngine();
  const provider = await startProvider(engine.port, "program");
  engine.stop();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(provider.output()).toBe("started\n");
});
