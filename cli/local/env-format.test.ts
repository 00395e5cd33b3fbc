/** Each format is read back by the program that it is for. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { skipTest } from "../../tests/skip.ts";
import { type EnvFormat, formatEnv } from "./env-format.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB+/==\nMIIC\n-----END CERTIFICATE-----\n";

const env = {
  DATABASE_URL: "postgresql://u:p%2Fw@127.0.0.1:25060/shop?sslmode=verify-full&sslrootcert=/tmp/a%20b/ca.pem",
  DATABASE_CA_CERT: PEM,
  EMPTY: "",
  BLANKS: "  between blanks  ",
  HASH: "a # b",
  ESCAPE: "C:\\new\\n",
  DOLLAR: "$HOME ${HOME} `id` $(id)",
  QUOTE: "it's",
  JSON_VALUE: '{"name":"O\\"Brien","n":1}',
  BOTH: `it's "so" $HOME`,
  EQUALS: "a=b=c",
  UNICODE: "ä…✓",
  NODE_EXTRA_CA_CERTS: "/home/you/my work/.slipway/ca.pem",
};
const oneLine = Object.fromEntries(Object.entries(env).filter(([, value]) => !value.includes("\n")));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway env "));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(format: EnvFormat, values: Readonly<Record<string, string>> = env): string {
  const file = join(folder, format);
  writeFileSync(file, `${formatEnv(values, format).text}\n`);
  return file;
}

/** A script that prints the variables as JSON. */
const PRINT = `process.stdout.write(JSON.stringify(Object.fromEntries(${JSON.stringify(Object.keys(env))}.map((key) => [key, process.env[key]]))))`;
const bare = { PATH: process.env.PATH ?? "", HOME: "/home/you" };

describe("the variables of a service", () => {
  it("dotenv: node --env-file reads every value, certificates included", () => {
    expect(formatEnv(env, "dotenv").omitted).toEqual([]);
    const read = execFileSync(process.execPath, [`--env-file=${fileOf("dotenv")}`, "-e", PRINT], { env: bare, encoding: "utf8" });
    expect(JSON.parse(read)).toEqual(env);
  });

  it("dotenv: omits values that its readers parse differently, and names them", () => {
    const odd = { ALL: "' \" ` $", RETURN: "a\rb", GOOD: "1" };
    expect(formatEnv(odd, "dotenv")).toEqual({ text: "GOOD=1", omitted: ["ALL", "RETURN"] });
    for (const format of ["shell", "json"] as const) expect(formatEnv(odd, format).omitted).toEqual([]);
  });

  it("shell: sh evaluates every value and expands none", () => {
    const odd = { ...env, ALL: "' \" ` $", RETURN: "a\rb\n\n" };
    const script = `eval "$(cat "$0")"; "$1" -e 'process.stdout.write(JSON.stringify(process.env))'`;
    const read = execFileSync("sh", ["-c", script, fileOf("shell", odd), process.execPath], { env: bare, encoding: "utf8" });
    expect(JSON.parse(read)).toMatchObject(odd);
  });

  it("json: JSON.parse reads every value", () => {
    expect(JSON.parse(formatEnv(env, "json").text)).toEqual(env);
  });

  it("docker: omits values of more than one line, and keeps the others unchanged", () => {
    const { text, omitted } = formatEnv({ ...env, RETURN: "a\r" }, "docker");
    expect(omitted).toEqual(["DATABASE_CA_CERT", "RETURN"]);
    expect(dockerGrammar(`${text}\n`)).toEqual(oneLine);
  });

  it("docker: the docker command reads the same values", async (context) => {
    if (spawnSync("docker", ["--version"]).status !== 0)
      skipTest(context, { reason: "docker is not installed", enable: "apt-get install docker.io" });
    expect(await readByDocker(fileOf("docker"))).toEqual(oneLine);
  });
});

/** As docker documents it: https://docs.docker.com/reference/cli/docker/container/run/#env */
function dockerGrammar(text: string): Record<string, string> {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, "").trimStart());
  return Object.fromEntries(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [, key, value] = /^([^\s=]+)=(.*)$/.exec(line) ?? [];
        if (key === undefined || value === undefined) throw new Error(`docker refuses: ${line}`);
        return [key, value];
      }),
  );
}

/** docker parses the file before it sends the request to create a container. No daemon is needed. */
async function readByDocker(file: string): Promise<Record<string, string>> {
  let sent: { Env: string[] } | undefined;
  const listener = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("api-version", "1.47");
    if (!request.url?.includes("/containers/create")) return void response.end(request.method === "HEAD" ? undefined : "OK");
    sent = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { Env: string[] };
    response.writeHead(201, { "content-type": "application/json" }).end('{"Id":"made","Warnings":[]}');
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const host = `tcp://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  try {
    const docker = spawn("docker", ["create", "--env-file", file, "image"], { env: { ...bare, DOCKER_HOST: host, DOCKER_CONFIG: folder } });
    let stderr = "";
    docker.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const code = await new Promise((resolve) => docker.once("close", resolve));
    if (sent === undefined) throw new Error(`docker exited with ${code}: ${stderr}`);
    return Object.fromEntries(sent.Env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
  } finally {
    listener.closeAllConnections();
    listener.close();
  }
}
