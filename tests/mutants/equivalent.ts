/** Mutants that no test can kill, because the mutated code does the same, each with the reason. `npm run mutants` reports entries that match none. */
import type { Explanation } from "./explanation.ts";

export const EQUIVALENT: readonly Explanation[] = [
  ...Object.entries({
    "app-args": ["domain", "buildCommand", "runCommand"],
    appspec: ["database.database", "database.user", "from.runCommand", "from.dir", "from.environment", "from.buildCommand"],
    network: ["description"],
    platform: ["storageMiB", "autoscale", "adopt"],
    system: ["deletedKeptDays"],
    valkey: ["idleTimeoutSeconds"],
  }).flatMap(([name, values]) =>
    values.map((value) => ({
      file: `components/${name}.ts`,
      line: `${value} === undefined ? {} :`,
      original: `${value} === undefined`,
      replacement: "false",
      reason: "Components and Pulumi treat an undefined argument like an absent one. The types keep the two apart.",
    })),
  ),
  ...Object.entries({
    appspec: 'if (typeof value === "string") return value;',
    bucket: 'if (typeof origin === "string") return origin;',
    firewall: 'if (typeof cidr === "string") return cidr;',
    readable: 'if (typeof value === "string") return value;',
  }).map(([name, line]) => ({
    file: `components/${name}.ts`,
    line,
    replacement: "false",
    reason: "Saves an Output, which would have the same value: the checks after it pass for a plain text.",
  })),
  ...["> b)", "< b)"].map((line) => ({
    file: "components/appspec.ts",
    line: `Number(a ${line}`,
    original: line[0]!,
    replacement: `${line[0]}=`,
    reason: "The compared names are different.",
  })),
  ...Object.entries({ postgres: "adopted === undefined ? cluster.id", valkey: "args.adopt === undefined ? cluster.id" }).map(
    ([name, line]) => ({
      file: `components/${name}.ts`,
      line,
      replacement: "false",
      reason: "A cluster that this stack creates has the engine and the region that are verified then.",
    }),
  ),
  {
    file: "components/postgres-args.ts",
    line: "nodesProblem(args.nodes ?? 1)",
    original: "1",
    replacement: "2",
    reason: "The check of an argument that is absent: both defaults are valid.",
  },
  ...[
    ["list === undefined || key === undefined", "false"],
    ["||", "&&"],
  ].map(([original, replacement]) => ({
    file: "components/quiet.ts",
    line: "list === undefined || key === undefined ? undefined",
    original: original!,
    replacement: replacement!,
    reason: "The two are unknown in a preview only, where the hash is that of no list, and no app arrives.",
  })),
  {
    file: "components/conflicts.ts",
    line: 'new pulumi.ErrorHook("slipway-conflicts"',
    original: '"slipway-conflicts"',
    replacement: '"mutant"',
    reason: "A name of the hook, which is only unique.",
  },
  {
    file: "components/content.ts",
    line: '.replaceAll("\\\\", "/")',
    replacement: '"mutant"',
    reason: "Paths have backslashes on Windows only.",
  },
  ...["16", "300"].map((original) => ({
    file: "components/valkey.ts",
    line: "const { size, nodes = 1, databases = 16, idleTimeoutSeconds = 300 } = args;",
    original,
    reason: "The check of an argument that is absent: both defaults are valid, and the constructor has its own.",
  })),
  {
    file: "components/content.ts",
    line: "const AT_A_TIME",
    reason: "The size of a buffer: a file has the same digest whatever it is read in.",
  },
  ...["8", "16"].map((original) => ({
    file: "components/quiet.ts",
    line: `randomBytes(${original})`,
    original,
    reason: "The length of a random text, which is only compared with itself.",
  })),
  {
    file: "components/monitoring.ts",
    line: "const { emails, slack, databases, uptime, load, certificateDays = 14 }",
    original: "14",
    replacement: "15",
    reason: "The check of an argument that is absent: both defaults are valid.",
  },
  {
    file: "components/platform.ts",
    line: "return network === undefined ? {} : { network }",
    original: "network === undefined",
    replacement: "false",
    reason: "Postgres reads an undefined network like an absent one. The types keep the two apart.",
  },
  ...["postgres", "valkey"].map((name) => ({
    file: `components/${name}.ts`,
    line: "getDatabaseCaOutput",
    original: "{ parent }",
    replacement: "{}",
    reason: "The parent of a function call only decides on its provider, and there is one provider.",
  })),
  {
    file: "systems/candlefish.ts",
    line: "effectiveCacheMiB: 512",
    original: "512",
    reason: "Every node has at least 1 GiB.",
  },
  {
    file: "systems/candlefish.ts",
    line: "effectiveCacheMiB: 512",
    original: ", effectiveCacheMiB: 512",
    reason: "Every node has at least 1 GiB.",
  },
  {
    file: "systems/fluxstudio.ts",
    line: "memoryAlertMiB: 200",
    original: "200",
    reason: "App Platform takes a whole percentage: 39 of 512 MiB for both.",
  },
  {
    file: "systems/shape.ts",
    line: "issue.errors.length > 0",
    original: "0",
    reason: "A union has at least two forms.",
  },
  ...["settings/decode.ts", "systems/check.ts"].map((file) => ({
    file,
    line: "jitless: true",
    reason: "How zod parses, not what it accepts: a schema that parses once is not worth compiling.",
  })),
  {
    file: "settings/examples.ts",
    line: ".split(/[/?#:]/, 1)[0]",
    original: "1",
    replacement: "2",
    reason: "Only the first part is read.",
  },
  {
    file: "settings/postgres.ts",
    line: "const { connections = 0, effectiveCacheMiB = 0 }",
    original: "0",
    replacement: "1",
    reason: "Every node has at least 22 connections and 1 GiB.",
  },
  {
    file: "settings/decode.ts",
    line: "remove(root, path.slice(0, -1), at, problems);",
    original: "1",
    reason:
      "An element of a list is refused, so problems of other elements are ignored, and it makes no difference whether the list goes too.",
  },
  {
    file: "settings/nearest.ts",
    line: "Array.from({ length: other.length + 1 }",
    original: "1",
    replacement: "2",
    reason: "One more entry of the first row, which is never read.",
  },
  {
    file: "settings/problems.ts",
    line: "...(details === undefined ? {} : { details }),",
    replacement: "false",
    reason: "Every reader treats undefined details like absent ones. The types keep the two apart.",
  },
  ...["...stackWide,", "...own,"].map((line) => ({
    file: "settings/valkey.ts",
    line,
    original: line,
    replacement: "",
    reason:
      "It carries the version, of which there is one. Nodes and maintenance are merged in the lines below, and layout and sharing belong to the stack.",
  })),
  {
    file: "settings/valkey.ts",
    line: "version: requested.version ?? VALKEY_VERSIONS.at(-1)!",
    original: "requested.version ??",
    replacement: "",
    reason: "There is one version.",
  },
];
