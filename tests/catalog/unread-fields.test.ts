import { readdirSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");

/** Fields that are passed on with the object that holds them, and the type that reads them there. */
const PASSED_ON: Readonly<Record<string, string>> = {
  "Secret.feature": "operatorKey in settings/operator.ts",
  "Setting.purpose": "operatorKey in settings/operator.ts",
  "Setting.feature": "operatorKey in settings/operator.ts",
  "Sized.memoryAlertMiB": "sized in components/app-args.ts",
  "Health.timeoutSeconds": "HealthCheck of components/appspec.ts",
  "Health.failures": "HealthCheck of components/appspec.ts",
  "Target.checkout": "measureTargets of operate/verify, where a target has neither a statement nor a path",
  "Deviation.asked": "the plan, which prints it",
  "Deviation.built": "the plan, which prints it",
  "PostgresCluster.replicas.name": "PostgresReplica of components/postgres-args.ts",
  "PostgresCluster.replicas.size": "PostgresReplica of components/postgres-args.ts",
  "PostgresCluster.autoscale.thresholdPercent": "PostgresArgs",
  "PostgresCluster.autoscale.incrementGiB": "PostgresArgs",
  "PostgresCluster.maintenance.day": "Maintenance of components/cluster.ts",
  "PostgresCluster.maintenance.hour": "Maintenance of components/cluster.ts",
  "ValkeyCluster.maintenance.day": "Maintenance of components/cluster.ts",
  "ValkeyCluster.maintenance.hour": "Maintenance of components/cluster.ts",
};

/** Where definitions and settings are declared and checked, which is not reading them. */
const DECLARED_IN = ["systems/definition.ts", "systems/verification.ts", "settings/settings.ts"];
const READERS = ["settings", "components", "cli", "operate"];

it("settings, components, cli or operate read every field of a definition and of the settings", { timeout: 120_000 }, () => {
  const unread = unreadFields();
  expect(unread.filter((field) => !Object.hasOwn(PASSED_ON, field))).toEqual([]);
  expect(Object.keys(PASSED_ON).filter((field) => !unread.includes(field))).toEqual([]);
});

function unreadFields(): string[] {
  const files = READERS.flatMap(sourceFiles);
  const { config } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const declarations = DECLARED_IN.map((file) => path.join(ROOT, file));
  const program = ts.createProgram([...files, ...declarations], options);
  const fields = declarations.flatMap((file) => fieldsIn(program.getSourceFile(file)!));
  const names = new Set(fields.map(({ node }) => (node.name as ts.Identifier).text));
  const read = new Set<ts.Node>();
  const checker = program.getTypeChecker();
  for (const file of files) visit(program.getSourceFile(file)!);
  return fields.filter(({ node }) => !read.has(node)).map(({ title }) => title);

  function visit(node: ts.Node): void {
    for (const symbol of symbolsReadBy(node)) for (const declaration of symbol.declarations ?? []) read.add(declaration);
    ts.forEachChild(node, visit);
  }

  function symbolsReadBy(node: ts.Node): ts.Symbol[] {
    if (ts.isPropertyAccessExpression(node) && names.has(node.name.text)) return [checker.getSymbolAtLocation(node.name)].filter(isDefined);
    if (!ts.isObjectBindingPattern(node)) return [];
    const type = checker.getTypeAtLocation(node);
    return node.elements.flatMap(({ propertyName, name }) => {
      const key = ((propertyName ?? name) as ts.Identifier).text;
      return names.has(key) ? [checker.getPropertyOfType(type, key)].filter(isDefined) : [];
    });
  }
}

const isDefined = <T>(value: T | undefined): value is T => value !== undefined;

function fieldsIn(file: ts.SourceFile): { readonly node: ts.PropertySignature; readonly title: string }[] {
  const found: { node: ts.PropertySignature; title: string }[] = [];
  const visit = (node: ts.Node, owner: string): void => {
    let title = owner;
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) title = node.name.text;
    if (ts.isPropertySignature(node) && owner !== "") {
      title = `${owner}.${(node.name as ts.Identifier).text}`;
      found.push({ node, title });
    }
    ts.forEachChild(node, (child) => visit(child, title));
  };
  visit(file, "");
  return found;
}

function sourceFiles(room: string): string[] {
  return readdirSync(path.join(ROOT, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.test\.ts$|(^|\/)testing\/|recorded\.ts|testing\.ts$/.test(file))
    .map((file) => path.join(ROOT, room, file));
}
