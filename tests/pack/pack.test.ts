import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../setup/checkout.ts";
import { execute, type Packed, pack } from "./packed.ts";

let packed: Packed;

beforeAll(async () => {
  packed = await pack();
});

afterAll(() => packed?.remove());

const DECLARES = `
  const network = new Network("shop", { region: "nyc3", cidr: "10.20.0.0/20" });
  const orders = new Postgres("orders", {
    network,
    region: "nyc3",
    major: "17",
    size: "db-s-1vcpu-2gb",
    databases: { orders: { users: ["orders"] } },
  });
  return { host: orders.host };
`;

/** A foreign Pulumi project that uses two components. */
function project(name: string, type: "module" | "commonjs", program: string): string {
  const folder = join(packed.folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: "1.0.0", type, main: "index.js" }));
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${name}\nruntime: nodejs\n`);
  writeFileSync(join(folder, "Pulumi.dev.yaml"), "config: {}\n");
  writeFileSync(join(folder, "index.js"), program);
  return folder;
}

async function planned(folder: string): Promise<readonly string[]> {
  const bin = join(packed.folder, "node_modules", ".bin", "slipway");
  const plan: { resources: readonly { type: string; name: string }[] } = JSON.parse(
    await execute(bin, ["plan", "--stack", "dev", "--json"], folder),
  );
  return plan.resources.map(({ type, name }) => `${type} ${name}`).sort();
}

const RESOURCES = [
  "digitalocean:index/databaseCluster:DatabaseCluster orders-cluster",
  "digitalocean:index/databaseDb:DatabaseDb orders-db-orders",
  "digitalocean:index/databaseFirewall:DatabaseFirewall orders-firewall-rules",
  "digitalocean:index/databaseUser:DatabaseUser orders-user-orders",
  "digitalocean:index/vpc:Vpc shop-vpc",
  "slipway:index:Firewall orders-firewall",
  "slipway:index:Guard orders-guard",
  "slipway:index:Network shop",
  "slipway:index:Postgres orders",
];

describe("the packed package", () => {
  it("holds the build, its doors and the licence, and nothing else", () => {
    const strangers = packed.files.filter(
      (file) => !/^(package\.json|README\.md|LICENSE|bin\/\w+(\.d\.ts|\.js)|dist\/(?!.*\.test\.).+\.(js|js\.map|d\.ts))$/.test(file),
    );
    expect(strangers).toEqual([]);
    const programs = ["dist/local/platform/daemon/main.js", "dist/local/apps/placeholder/main.js"];
    expect(packed.files).toEqual(
      expect.arrayContaining(["package.json", "LICENSE", "bin/slipway.js", "dist/components/index.js", ...programs]),
    );
  });

  it("has every file that its package.json promises", () => {
    const { exports, bin } = JSON.parse(readFileSync(join(packed.folder, "node_modules/slipway/package.json"), "utf8"));
    const promised = [
      ...Object.values<object | string>(exports).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry))),
      ...Object.values(bin),
    ];
    expect(promised.map((path) => String(path).replace("./", "")).filter((path) => !packed.files.includes(path))).toEqual([]);
  });

  it("gives its components to an ES module", async () => {
    const folder = project(
      "esm",
      "module",
      `import { Network, Postgres } from "slipway";\nexport default function program() {${DECLARES}}\n`,
    );
    expect(await planned(folder)).toEqual(RESOURCES);
  });

  it("gives its components to a CommonJS program", async () => {
    const folder = project(
      "cjs",
      "commonjs",
      `const { Network, Postgres } = require("slipway");\nmodule.exports = function program() {${DECLARES}};\n`,
    );
    expect(await planned(folder)).toEqual(RESOURCES);
  });

  it("brings the types of its components", async () => {
    const folder = project("typed", "module", "");
    symlinkSync(join(ROOT, "node_modules/@types"), join(packed.folder, "node_modules/@types"));
    const compilerOptions = { module: "nodenext", strict: true, noEmit: true, skipLibCheck: true, types: ["node"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["right.ts", "wrong.ts"] }));
    const using = (body: string) => `import { Network, Postgres } from "slipway";\nexport function program() {${body}}\n`;
    writeFileSync(join(folder, "right.ts"), using(DECLARES));
    writeFileSync(join(folder, "wrong.ts"), using(DECLARES.replace('"17"', "17")));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const said = await execute("node", [tsc, "-p", "."], folder).then(
      () => "no error",
      (error: Error) => error.message,
    );
    expect(said.split("\n").filter((line) => line.startsWith("right.ts"))).toEqual([]);
    expect(said).toMatch(/^wrong\.ts\(\d+,\d+\): error TS2322: Type 'number' is not assignable to type 'string'/m);
  });

  it("gives its post-deploy steps to a provider that Pulumi runs from the program's directory", async () => {
    const folder = project("steps", "commonjs", "");
    const program =
      'import("slipway/postdeploy").then(({ step }) => step("Nothing", "check")).catch(({ message }) => console.log(message))';
    expect(await execute("node", ["-e", program], folder)).toContain(
      'Unknown post-deploy step "Nothing". Known steps: Roles, Migrations, Keyspaces.',
    );
  });
});
