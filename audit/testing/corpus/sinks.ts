/** Where a planted secret leaks: the statement, on one line, and the rule that must report it there. */
import type { RuleId } from "../../rules.ts";

export interface CorpusSink {
  readonly name: string;
  readonly rule: RuleId;
  /** `text`: the statement gets `value`, a string, inside of an apply. `output`: an Output, marked as its origin marks it. `bare`: one without a mark. */
  readonly given: "text" | "output" | "bare";
  readonly code: string;
  /** A stack output: `code` is a line of the object that the program returns. */
  readonly returned?: boolean;
  /** Rules that may report the same leak as well. */
  readonly also?: readonly RuleId[];
}

/** As the name of a file or of a type, which do not allow every character. */
const NAME = `value.replaceAll(/[/:]/g, "_").slice(0, 240)`;
const APP = (component: string, more = "") =>
  `new digitalocean.App("shop", { spec: { name: "shop", region: "nyc", ${component}${more} } });`;
const IMAGE = `image: { registryType: "DOCKER_HUB", registry: "library", repository: "nginx", tag: "1" }`;
const service = (fields: string) => APP(`services: [{ name: "api", ${IMAGE}, ${fields} }]`);
const PORT = "Number(process.env.CORPUS_PORT)";
const THING = "class Thing extends pulumi.CustomResource {}";

const text = (name: string, rule: RuleId, code: string): CorpusSink => ({ name, rule, given: "text", code });
const output = (name: string, rule: RuleId, code: string): CorpusSink => ({ name, rule, given: "output", code });

export const SINKS: readonly CorpusSink[] = [
  // What it prints.
  text("console.log", "secret-in-log", `console.log("key", value);`),
  text("console.error", "secret-in-log", "console.error({ value });"),
  text("console.table", "secret-in-log", "console.table([[value]]);"),
  text("console.count", "secret-in-log", "console.count(value);"),
  text("a console of its own", "secret-in-log", "new console.Console(process.stdout).log(value);"),
  text("a warning", "secret-in-log", "process.emitWarning(value);"),
  text("the inner stderr", "secret-in-log", "(process as any)._rawDebug(value);"),
  text("the console, later", "secret-in-log", "setTimeout(() => console.log(value), 20);"),
  text("the console, at the end of the process", "secret-in-log", `process.once("exit", () => console.log(value));`),
  text("stdout", "secret-in-log", "process.stdout.write(value);"),
  text("stderr", "secret-in-log", "process.stderr.write(Buffer.from(value));"),
  text("the descriptor of stdout", "secret-in-log", "fs.writeSync(1, value);"),
  text("the descriptor of stderr", "secret-in-log", "fs.writeSync(2, Buffer.from(value));"),
  text("a stream to stdout's descriptor", "secret-in-log", `fs.createWriteStream("", { fd: 1, autoClose: false }).write(value);`),
  text("log.info", "secret-in-log", "pulumi.log.info(`using ${value}`);"),
  text("log.warn", "secret-in-log", "void pulumi.log.warn(value);"),
  text("log.debug", "secret-in-log", "void pulumi.log.debug(value);"),
  // The engine masks what was computed from a secret in an error, so the mask shows that it was.
  { ...text("an error", "secret-in-error", "throw new Error(`cannot use ${value}`);"), also: ["secret-in-error"] },
  { ...text("an error of Pulumi", "secret-in-error", "throw new pulumi.RunError(value);"), also: ["secret-in-error"] },
  {
    ...text("a property of an error", "secret-in-error", `throw Object.assign(new Error("failed"), { response: { key: value } });`),
    also: ["secret-in-error"],
  },
  {
    ...text("the cause of an error", "secret-in-error", `throw new Error("failed", { cause: new Error(value) });`),
    also: ["secret-in-error"],
  },
  // What it writes.
  text("a file", "secret-in-file", `fs.writeFileSync("leak.txt", value);`),
  text("the end of a file", "secret-in-file", `fs.appendFileSync("leak.log", value);`),
  text("the name of a file", "secret-in-file", `fs.writeFileSync(path.join(os.tmpdir(), "slipway-corpus", ${NAME}), "");`),
  text(
    "the name of a folder",
    "secret-in-file",
    `fs.mkdirSync(path.join(os.tmpdir(), "slipway-corpus", "d" + ${NAME}), { recursive: true });`,
  ),
  text("a file that is written later", "secret-in-file", `await fs.promises.writeFile("leak.later", value);`),
  text(
    "a file handle",
    "secret-in-file",
    `const handle = await fs.promises.open("leak.handle", "w"); await handle.write(value); await handle.close();`,
  ),
  text(
    "a stream to a file",
    "secret-in-file",
    `const stream = fs.createWriteStream("leak.stream"); stream.end(value); await once(stream, "close");`,
  ),
  text("the target of a link", "secret-in-file", `fs.rmSync("leak.link", { force: true }); fs.symlinkSync(${NAME}, "leak.link");`),
  text("a database file", "secret-in-file", `new DatabaseSync(":memory:").prepare("SELECT ? AS x").all(value);`),
  // What it starts.
  text("the argument of a process", "secret-on-command-line", `spawnSync("true", [value]);`),
  text("a shell command", "secret-on-command-line", "execSync(`true '${value}'`);"),
  text(
    "the argument of a process that runs in the background",
    "secret-on-command-line",
    `await once(spawn("true", ["--key", value]), "close");`,
  ),
  text("the environment of a process", "secret-to-process", `spawnSync("true", { env: { KEY: value } });`),
  text(
    "its own environment, then a process",
    "secret-to-process",
    `process.env.CORPUS_KEY = value; spawnSync("true"); delete process.env.CORPUS_KEY;`,
  ),
  text("stdin of a process", "secret-to-process", `spawnSync("cat", { input: value });`),
  text(
    "stdin of a process that runs in the background",
    "secret-to-process",
    `const child = spawn("cat"); child.stdin.end(value); await once(child, "close");`,
  ),
  text("the data of a worker", "secret-to-process", `await once(new Worker("", { eval: true, workerData: { value } }), "exit");`),
  text(
    "a message to a worker",
    "secret-to-process",
    `const worker = new Worker("require('node:worker_threads').parentPort.once('message', () => process.exit())", { eval: true }); worker.postMessage({ value }); await once(worker, "exit");`,
  ),
  // What it sends.
  text(
    "a socket",
    "secret-sent",
    `const socket = net.connect(${PORT}, "127.0.0.1"); socket.end(value); socket.resume(); await once(socket, "close");`,
  ),
  text("the address of a request", "secret-sent", `await fetch(\`http://127.0.0.1:\${${PORT}}/?key=\${encodeURIComponent(value)}\`);`),
  text("the body of a request", "secret-sent", `await fetch(\`http://127.0.0.1:\${${PORT}}/\`, { method: "POST", body: value });`),
  text(
    "the header of a request",
    "secret-sent",
    `await once(http.get({ port: ${PORT}, host: "127.0.0.1", headers: { authorization: value } }), "response");`,
  ),
  text(
    "the end of a request",
    "secret-sent",
    `const request = http.request({ port: ${PORT}, host: "127.0.0.1", method: "POST" }); request.end(value); await once(request, "response");`,
  ),
  text(
    "the data of a socket",
    "secret-sent",
    `const socket = net.connect(${PORT}, "127.0.0.1"); socket.write(value); socket.destroySoon(); await once(socket, "close");`,
  ),
  text(
    "a datagram",
    "secret-sent",
    `const datagram = dgram.createSocket("udp4"); datagram.send(value, ${PORT}, "127.0.0.1", () => datagram.close()); await once(datagram, "close");`,
  ),
  text(
    "a DNS query",
    "secret-sent",
    `const resolver = new dns.Resolver({ timeout: 50, tries: 1 }); resolver.setServers([\`127.0.0.1:\${${PORT}}\`]); resolver.resolve4(encodeURIComponent(value), () => {});`,
  ),
  text(
    "a request of HTTP/2",
    "secret-sent",
    `const session = http2.connect(\`http://127.0.0.1:\${${PORT}}\`); session.on("error", () => {}); session.request({ ":path": "/" + encodeURIComponent(value) }).on("error", () => {}).end(); await once(session, "close");`,
  ),
  text(
    "the body of a request of HTTP/2",
    "secret-sent",
    `const session = http2.connect(\`http://127.0.0.1:\${${PORT}}\`); session.on("error", () => {}); session.request({ ":method": "POST" }).on("error", () => {}).end(value); await once(session, "close");`,
  ),
  text(
    "a WebSocket",
    "secret-sent",
    `const web = new WebSocket(\`ws://127.0.0.1:\${${PORT}}/?key=\${encodeURIComponent(value)}\`); await once(web as any, "error");`,
  ),
  text("the argument of a provider's function", "secret-sent", "void digitalocean.getRegion({ slug: value });"),
  output("the argument of a provider's function that takes Outputs", "secret-sent", "digitalocean.getRegionOutput({ slug: value });"),
  // What it registers.
  text("the name of a resource", "secret-in-name", `new digitalocean.Vpc(\`net-\${value}\`, { name: "net", region: "nyc1" });`),
  text("the name of a component", "secret-in-name", `new pulumi.ComponentResource("shop:index:Thing", value);`),
  text(
    "the name of a parent",
    "secret-in-name",
    `new digitalocean.Tag("child", { name: "child" }, { parent: new pulumi.ComponentResource("shop:index:Parent", value) });`,
  ),
  text("the type of a resource", "secret-in-name", `new (${THING})(\`shop:index:\${${NAME}}\`, "thing", {});`),
  text(
    "the former name of a resource",
    "secret-in-name",
    `new digitalocean.Tag("renamed", { name: "renamed" }, { aliases: [{ name: value }] });`,
  ),
  text(
    "the former URN of a resource",
    "secret-in-name",
    `new digitalocean.Tag("renamed", { name: "renamed" }, { aliases: [\`urn:pulumi:test::shop::x:y:Z::\${value}\`] });`,
  ),
  text("ignoreChanges", "secret-in-name", `new digitalocean.Tag("options", { name: "options" }, { ignoreChanges: [value] });`),
  text("replaceOnChanges", "secret-in-name", `new digitalocean.Tag("options", { name: "options" }, { replaceOnChanges: [value] });`),
  text("hideDiffs", "secret-in-name", `new digitalocean.Tag("options", { name: "options" }, { hideDiffs: [value] });`),
  text(
    "additionalSecretOutputs",
    "secret-in-name",
    `new digitalocean.Tag("options", { name: "options" }, { additionalSecretOutputs: [value] });`,
  ),
  text("the id of an import", "secret-in-name", `new digitalocean.Tag("options", { name: "options" }, { import: value });`),
  text("the id of a resource that is read", "secret-in-name", `digitalocean.Tag.get("read", value);`),
  text("a plugin's address", "secret-in-name", `new digitalocean.Tag("options", { name: "options" }, { pluginDownloadURL: value });`),
  text("the name of another stack", "secret-in-name", `new pulumi.StackReference("reference", { name: \`organization/\${value}/prod\` });`),
  text("the key of an input", "secret-in-name", `new random.RandomId("id", { byteLength: 8, keepers: { [value]: "x" } });`),
  output("a name at DigitalOcean", "secret-in-name", `new digitalocean.Vpc("net", { name: value, region: "nyc1" });`),
  output(
    "a tag",
    "secret-in-tag",
    `new digitalocean.Droplet("box", { image: "ubuntu-24-04-x64", size: "s-1vcpu-1gb", region: "nyc1", tags: ["shop", value] });`,
  ),
  output(
    "a label",
    "secret-in-tag",
    `new digitalocean.KubernetesNodePool("pool", { clusterId: "x", size: "s-1vcpu-2gb", nodeCount: 1, labels: { key: value } });`,
  ),
  output("a description", "secret-in-plain-field", `new digitalocean.Project("project", { name: "shop", description: value });`),
  output(
    "a firewall rule",
    "secret-in-plain-field",
    `new digitalocean.Firewall("guard", { name: "guard", inboundRules: [{ protocol: "tcp", portRange: "22", sourceAddresses: [value] }] });`,
  ),
  output(
    "the target of a check",
    "secret-in-plain-field",
    `new digitalocean.UptimeCheck("check", { name: "check", target: value, regions: ["us_east"] });`,
  ),
  output(
    "an alert's address",
    "secret-in-plain-field",
    `new digitalocean.MonitorAlert("alert", { alerts: { emails: [value] }, compare: "GreaterThan", description: "cpu", enabled: true, entities: [], tags: [], type: "v1/insights/droplet/cpu", value: 90, window: "5m" });`,
  ),
  output("the domain of an app", "secret-in-plain-field", APP(`domainNames: [{ name: value }]`)),
  output(
    "a route of an app",
    "secret-in-plain-field",
    APP(`ingress: { rules: [{ component: { name: "api" }, match: { path: { prefix: value } } }] }`),
  ),
  output("the path of a health check", "secret-in-plain-field", service("healthCheck: { httpPath: value }")),
  output("the command of a service", "secret-on-command-line", service("runCommand: pulumi.interpolate`node server.js ${value}`")),
  output(
    "the user data of a machine",
    "secret-in-plain-field",
    `new digitalocean.Droplet("box", { image: "ubuntu-24-04-x64", size: "s-1vcpu-1gb", region: "nyc1", userData: value });`,
  ),
  output("a variable of a service", "env-general-type", service(`envs: [{ key: "SHOWN", value, scope: "RUN_TIME" }]`)),
  output(
    "a variable of a worker",
    "env-general-type",
    APP(`workers: [{ name: "mailer", ${IMAGE}, envs: [{ key: "SHOWN", value, scope: "RUN_TIME", type: "GENERAL" }] }]`),
  ),
  output(
    "a variable of a job",
    "env-general-type",
    APP(`jobs: [{ name: "nightly", kind: "POST_DEPLOY", ${IMAGE}, envs: [{ key: "SHOWN", value, scope: "RUN_TIME" }] }]`),
  ),
  output("a variable of an app", "env-general-type", APP(`envs: [{ key: "SHOWN", value, scope: "RUN_TIME" }]`)),
  output("a variable of a build", "env-build-time", service(`envs: [{ key: "AT_BUILD", value, scope: "BUILD_TIME", type: "SECRET" }]`)),
  {
    name: "an input without its mark",
    rule: "secret-in-state",
    given: "bare",
    code: `new random.RandomId("id", { byteLength: 8, keepers: { value } });`,
  },
  {
    name: "an asset without its mark",
    rule: "secret-in-state",
    given: "bare",
    code: `new (${THING})("shop:index:Upload", "upload", { file: value.apply((it) => new pulumi.asset.StringAsset(it)) });`,
  },
  {
    name: "an archive without its mark",
    rule: "secret-in-state",
    given: "bare",
    code: `new (${THING})("shop:index:Upload", "upload", { file: value.apply((it) => new pulumi.asset.AssetArchive({ "a.txt": new pulumi.asset.StringAsset(it) })) });`,
  },
  {
    name: "the address of an asset without its mark",
    rule: "secret-in-state",
    given: "bare",
    code: `new (${THING})("shop:index:Upload", "upload", { file: value.apply((it) => new pulumi.asset.RemoteAsset("https://shop.example/?" + it)) });`,
  },
  {
    name: "the output of a component",
    rule: "secret-in-component-output",
    given: "bare",
    code: `new (class extends pulumi.ComponentResource { constructor() { super("shop:index:Keys", "keys"); this.registerOutputs({ value }); } })();`,
  },
  { name: "a stack output", rule: "secret-in-output", given: "bare", returned: true, code: "result: value," },
  { name: "a stack output, deep", rule: "secret-in-output", given: "bare", returned: true, code: "result: { logins: [{ value }] }," },
  {
    name: "the key of a stack output",
    rule: "secret-in-name",
    given: "bare",
    returned: true,
    code: "result: value.apply((it) => ({ [it]: true })),",
  },
];
