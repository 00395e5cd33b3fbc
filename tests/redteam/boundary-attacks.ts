/**
 * Attacks on the boundary around the program of an untrusted commit, as the source of functions: each returns what it got, or throws.
 *
 * They are run without a boundary, where each must succeed, and in the sandbox without Node's permission model, where none may.
 */

/** What the attacks are after, on the machine outside of the sandbox. */
export interface Prey {
  /** A folder that only the user can read and write: a file `secret` with a secret, a database `secret.db` with it, a module `secret.mjs`. */
  readonly folder: string;
  readonly secret: string;
  /** A Unix socket that answers with the secret, and an abstract one. */
  readonly socket: string;
  readonly abstract: string;
  /** On 127.0.0.1: a TCP server and a UDP server that answer with the secret. */
  readonly tcp: number;
  readonly udp: number;
  /** A process of the user with the secret in its environment, which a signal ends. */
  readonly victim: number;
  readonly hostname: string;
  readonly uid: number;
  /** Folders that the sandbox shows, and that it must not let the program change. */
  readonly checkout: string;
  readonly modules: string;
  readonly cache: string;
  /** The name of a file in a folder of shared memory. */
  readonly shared: string;
}

const read = (...files: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(files.map((how) => [`read a file: ${how}`, `return ${how};`]));

/** In scope: `prey`, `fs`, `net`, `path`, `child`, `get` (a built-in module), `wait` (a promise of an event), `secret` (a path). */
export const ATTACKS: Readonly<Record<string, string>> = {
  ...read(
    `fs.readFileSync(secret, "utf8")`,
    `(await fs.promises.readFile(secret, "utf8"))`,
    `(await (await fs.openAsBlob(secret)).text())`,
    `fs.readFileSync(fs.openSync(secret, "r"), "utf8")`,
    `(await import(secret + ".mjs")).default`,
    `new (get("sqlite").DatabaseSync)(secret + ".db").prepare("SELECT text FROM secrets").get().text`,
    `(() => { const db = new (get("sqlite").DatabaseSync)(":memory:"); db.exec("ATTACH '" + secret + ".db' AS prey"); return db.prepare("SELECT text FROM prey.secrets").get().text; })()`,
    `(() => { fs.symlinkSync(secret, "/tmp/link" + process.pid); try { return fs.readFileSync("/tmp/link" + process.pid, "utf8"); } finally { fs.rmSync("/tmp/link" + process.pid); } })()`,
    `(() => { const copy = secret + "-copy-" + process.pid; fs.cpSync(secret, copy); const text = fs.readFileSync(copy, "utf8"); fs.rmSync(copy); return text; })()`,
    `fs.readFileSync("/proc/self/root" + secret, "utf8")`,
    `fs.readFileSync("/proc/" + process.ppid + "/root" + secret, "utf8")`,
    `(() => { process.chdir(prey.folder); return fs.readFileSync("secret", "utf8"); })()`,
    `(() => { process.loadEnvFile(secret + ".env"); return process.env.LOADED; })()`,
    `child.execFileSync(process.execPath, ["-p", "fs.readFileSync(process.argv[1], 'utf8')", secret], { encoding: "utf8" })`,
    `child.execFileSync("/bin/sh", ["-c", 'cat "$0"', secret], { encoding: "utf8" })`,
    `await new Promise((resolve, reject) => new (get("worker_threads").Worker)("require('worker_threads').parentPort.postMessage(require('fs').readFileSync(require('worker_threads').workerData, 'utf8'))", { eval: true, workerData: secret }).on("message", resolve).on("error", reject))`,
    `(() => { const dir = fs.opendirSync(prey.folder); const names = []; for (let one; (one = dir.readSync()); ) names.push(one.name); dir.closeSync(); return names.includes("secret") && prey.secret; })()`,
    `fs.existsSync(secret) && prey.secret`,
    `fs.statSync(secret).size > 0 && prey.secret`,
    `(() => { const watcher = fs.watch(prey.folder); watcher.close(); return prey.secret; })()`,
  ),
  "write a file": `fs.writeFileSync(prey.folder + "/written", "x"); return prey.secret;`,
  "append to a file": `fs.appendFileSync(secret, ""); return prey.secret;`,
  "remove a file": `fs.rmSync(prey.folder + "/removable"); return prey.secret;`,
  "rename a file": `fs.renameSync(prey.folder + "/renamable", prey.folder + "/renamed"); return prey.secret;`,
  "change the mode of a file": `fs.chmodSync(secret, 0o644); fs.chmodSync(secret, 0o600); return prey.secret;`,
  "write a database with VACUUM INTO": `const db = new (get("sqlite").DatabaseSync)(":memory:"); db.exec("VACUUM INTO '" + prey.folder + "/vacuumed.db'"); return prey.secret;`,
  "write a report": `get("process").report.writeReport(prey.folder + "/report.json"); fs.statSync(prey.folder + "/report.json"); return prey.secret;`,
  "make a folder": `fs.mkdtempSync(prey.folder + "/made"); return prey.secret;`,
  "write into the checkout": `fs.writeFileSync(prey.checkout + "/written", "x"); return prey.secret;`,
  "replace a file of the checkout": `fs.renameSync(prey.checkout + "/file", prey.checkout + "/other"); fs.renameSync(prey.checkout + "/other", prey.checkout + "/file"); return prey.secret;`,
  "write into the packages": `fs.writeFileSync(prey.modules + "/written", "x"); return prey.secret;`,
  "write compiled code for the next preview": `fs.writeFileSync(prey.cache + "/written", "x"); return prey.secret;`,
  "write into shared memory": `fs.writeFileSync("/dev/shm/" + prey.shared, "x"); fs.rmSync("/dev/shm/" + prey.shared); return prey.secret;`,
  "connect to a Unix socket": `return await wait(net.connect({ path: prey.socket }), "data");`,
  "connect to an abstract Unix socket": `return await wait(net.connect({ path: prey.abstract }), "data");`,
  "connect to a TCP server": `return await wait(net.connect(prey.tcp, "127.0.0.1"), "data");`,
  "fetch a URL": `return (await fetch("http://127.0.0.1:" + prey.tcp + "/", { signal: AbortSignal.timeout(2000) }).catch((error) => { if (String(error.cause?.message).includes("HTTP")) return { text: () => prey.secret }; throw error; })).text();`,
  "send a datagram": `const udp = get("dgram").createSocket("udp4"); udp.send("x", prey.udp, "127.0.0.1"); try { return await wait(udp, "message"); } finally { udp.close(); }`,
  "ask a name server": `const resolver = new (get("dns").promises.Resolver)({ timeout: 1000, tries: 1 }); resolver.setServers(["127.0.0.1:" + prey.udp]); return await resolver.resolve4("prey.example").catch((error) => { if (error.code === "EBADRESP") return prey.secret; throw error; });`,
  "list the addresses of the machine": `return Object.values(get("os").networkInterfaces()).flat().some(({ internal }) => !internal) && prey.secret;`,
  "learn the name of the machine": `return get("os").hostname() === prey.hostname && prey.secret;`,
  "read the environment of a process": `return fs.readFileSync("/proc/" + prey.victim + "/environ", "utf8");`,
  "read the environment of every process": `return fs.readdirSync("/proc").map((pid) => { try { return fs.readFileSync("/proc/" + pid + "/environ", "utf8"); } catch { return ""; } }).join("");`,
  "read the environment of the parent": `return fs.readFileSync("/proc/" + process.ppid + "/environ", "utf8").includes("PATH=") && prey.secret;`,
  "read the command line of a process": `return fs.readFileSync("/proc/" + prey.victim + "/cmdline", "utf8").includes("prey") && prey.secret;`,
  "list the processes": `return fs.readdirSync("/proc").includes(String(prey.victim)) && fs.readFileSync("/proc/" + prey.victim + "/cmdline", "utf8").includes("prey") && prey.secret;`,
  "send a signal to a process": `process.kill(prey.victim, "SIGUSR2"); return prey.secret;`,
  "change the priority of a process": `get("os").setPriority(prey.victim, 5); return prey.secret;`,
  "read the open files of a process": `return fs.readdirSync("/proc/" + prey.victim + "/fd").length > 0 && fs.readFileSync("/proc/" + prey.victim + "/cmdline", "utf8").includes("prey") && prey.secret;`,
  "reach the files of a process through /proc": `return fs.readFileSync("/proc/" + prey.victim + "/cwd/secret", "utf8");`,
  "read the users of the machine": `return fs.readFileSync("/etc/passwd", "utf8").includes("root") && prey.secret;`,
  "list the root of the machine": `return fs.readdirSync("/").includes("etc") && prey.secret;`,
  "use a program of the machine": `return child.execFileSync("/bin/ls", ["/"], { encoding: "utf8" }).length > 0 && prey.secret;`,
  "leave a process behind": `const left = child.spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)", prey.shared], { detached: true, stdio: "ignore" }); left.unref(); return new Promise((resolve) => setTimeout(() => resolve("left"), 300));`,
  "fill the disk": `const file = fs.openSync("/tmp/filled" + process.pid, "w"); try { for (let n = 0; n < 128; n++) fs.writeSync(file, Buffer.alloc(2 ** 20)); return prey.secret; } finally { fs.rmSync("/tmp/filled" + process.pid); }`,
};

/** The program that runs one of them after the other, and prints the outcomes as JSON. */
export const RUNNER = `
const get = (name) => process.getBuiltinModule("node:" + name);
const [fs, net, path, child] = ["fs", "net", "path", "child_process"].map(get);
const { prey, attacks } = JSON.parse(fs.readFileSync(0, "utf8"));
const secret = prey.folder + "/secret";
const wait = (emitter, event) => new Promise((resolve, reject) => { emitter.once(event, (data) => resolve(String(data))); emitter.once("error", reject); setTimeout(() => reject(new Error("no answer")), 2000).unref(); });
const AsyncFunction = (async () => {}).constructor;
const home = process.cwd();
// What an attack waits for may not keep the process alive.
setInterval(() => {}, 1000);
const outcomes = {};
(async () => {
  for (const [name, source] of Object.entries(attacks)) {
    try {
      outcomes[name] = { got: String(await new AsyncFunction("prey", "fs", "net", "path", "child", "get", "wait", "secret", source)(prey, fs, net, path, child, get, wait, secret)) };
    } catch (error) {
      outcomes[name] = { refused: String(error.code ?? error.message) };
    }
    process.chdir(home);
  }
  fs.writeSync(3, JSON.stringify(outcomes));
  process.exit(0);
})();
`;
