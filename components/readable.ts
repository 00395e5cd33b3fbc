/**
 * An app as text: the inputs of its component, so that a preview shows what changes.
 *
 * Pulumi hides every list of the spec that contains a SECRET, and all services of an app are one list. It prints no difference of the spec itself. It
 * prints the inputs of a component as they are, and of two texts only the lines that differ. So each part of an app is one text here, a fact a line.
 * A secret is the version of its value.
 */
import * as pulumi from "@pulumi/pulumi";
import { type AppArgs, type AppComponent, secretPath } from "./appspec.ts";

export function readableInputs(args: AppArgs): pulumi.Inputs {
  return {
    app: text(appLines(args)),
    components: Object.fromEntries(
      Object.entries(args.components).map(([name, component]) => [
        name,
        text([...componentLines(component), ...variableLines(name, component, args)]),
      ]),
    ),
  };
}

/** A line whose values may be Outputs. */
type Line = readonly pulumi.Input<string>[];

function appLines({ appName, region, vpc, databases = {}, domain, alerts }: AppArgs): Line[] {
  return [
    ["name ", appName],
    ["region ", region],
    ...(vpc === undefined ? [] : [["network ", vpc]]),
    ...(domain === undefined ? [] : [["domain ", domain]]),
    ...Object.entries(databases).map(([alias, { engine, cluster, database, user }]) => [
      `database ${alias} ${engine} `,
      cluster,
      ...(database === undefined ? [] : [` ${database}`]),
      ...(user === undefined ? [] : [` ${user}`]),
    ]),
    ...(alerts ?? []).map((rule) => [`alert ${rule}`]),
  ];
}

function componentLines(component: AppComponent): Line[] {
  const { kind } = component;
  return [
    [kind === "job" ? `job ${component.when}` : kind],
    ...sourceLines(component),
    ...("size" in component ? sizeLines(component) : []),
    ...("port" in component ? [[`port ${component.port}`], [healthLine(component.health)]] : []),
    ...("outputDir" in component ? [[`output ${component.outputDir}`]] : []),
    ...("routes" in component ? component.routes.map((route) => [`route ${route}`]) : []),
  ];
}

function sourceLines(component: AppComponent): Line[] {
  const run = component.runCommand === undefined ? [] : [[`run ${component.runCommand}`]];
  if ("image" in component)
    return [...Object.entries(component.image).map(([key, value]) => [`image ${key} ${JSON.stringify(value)}`]), ...run];
  const { github, dir, environment, buildCommand } = component;
  return [
    [`repository ${github.repo}`],
    [`branch ${github.branch}${github.deployOnPush ? ", deployed on push" : ""}`],
    ...(dir === undefined ? [] : [[`directory ${dir}`]]),
    ...(environment === undefined ? [] : [[`buildpack ${environment}`]]),
    ...(buildCommand === undefined ? [] : [[`build ${buildCommand}`]]),
    ...run,
  ];
}

function sizeLines({ size, instances = 1, alerts = [] }: Extract<AppComponent, { size: string }>): Line[] {
  return [
    [`size ${size}`],
    [`instances ${instances}`],
    ...alerts.map(({ rule, above, window }) => [`alert ${rule} above ${above} for ${window}`]),
  ];
}

function healthLine({ path, everySeconds, timeoutSeconds, failures }: Extract<AppComponent, { port: number }>["health"]): string {
  return `health ${path} every ${everySeconds} s, timeout ${timeoutSeconds} s, ${failures} failures`;
}

function variableLines(name: string, { env }: AppComponent, { quiet }: AppArgs): Line[] {
  return Object.keys(env)
    .sort()
    .map((key) => {
      const { value, scope, secret } = env[key]!;
      const version = quiet?.versions.get(secretPath(name, key));
      const hidden = version === undefined ? "secret" : `secret, version ${version}`;
      return [`${key}${scope === "RUN_TIME" ? "" : ` (${scope})`}=`, secret ? hidden : value];
    });
}

/** Always known, so that one unknown value does not hide the other lines. */
function text(lines: readonly Line[]): pulumi.Output<string> {
  const parts = pulumi.all(lines.flatMap((line) => line.map(shown)));
  return parts.apply((values) => {
    const next = values.values();
    return lines.map((line) => line.map(() => String(next.next().value).replaceAll("\n", "\\n")).join("")).join("\n");
  });
}

function shown(value: pulumi.Input<string>): pulumi.Input<string> {
  if (typeof value === "string") return value;
  const output = pulumi.output(value);
  const { isKnown } = output as unknown as { isKnown: Promise<boolean> };
  const state = Promise.all([isKnown, pulumi.isSecret(output)]);
  return pulumi.output(state.then(([known, secret]) => (secret ? "secret" : known ? output : "known after the update")));
}
