/** From a system's definition, the stack's settings and the wiring to the arguments of one `App`. */
import { instanceSize } from "../catalog/instances.ts";
import { formatPostDeployCommand } from "../catalog/post-deploy-job.ts";
import type { Settings, SystemSettings } from "../settings/settings.ts";
import type { Component } from "../systems/definition.ts";
import type { AppArgs, AppComponent, AppEnv, ComponentAlert } from "./appspec.ts";
import { imageSource } from "./image.ts";
import type { SystemDeployment } from "./system.ts";
import { activeComponents, CA_FILE, hasPostDeployJob, POST_DEPLOY_JOB, type Wire } from "./wiring.ts";

export function appArgs(key: string, { stack, settings, network, wiring }: SystemDeployment): AppArgs {
  const app = settings.system.apps[key]!;
  const appName = `${app.name}${stack.suffix}`;
  const wires = wiring.filter(({ reader }) => reader.app === appName);
  const wiresOf = (component: string) => wires.filter(({ reader }) => reader.component === component);
  const components = activeComponents(app, settings).map(([name, component]) => [
    name,
    componentArgs(name, component, wiresOf(name), settings),
  ]);
  const job = hasPostDeployJob(app, stack)
    ? { [POST_DEPLOY_JOB]: postDeployJob(settings.system.name, stack, wiresOf(POST_DEPLOY_JOB)) }
    : {};
  const domain = settings.domains[key];
  return {
    appName,
    region: settings.appRegion,
    vpc: network.id,
    databases: databasesOf(wires),
    components: { ...Object.fromEntries(components), ...job },
    ...(domain === undefined ? {} : { domain }),
  };
}

/** The databases that variables refer to. */
export function databasesOf(wires: readonly Wire[]): NonNullable<AppArgs["databases"]> {
  return Object.fromEntries(wires.flatMap(({ source: { binding } }) => (binding ? [[binding.alias, binding.database]] : [])));
}

function componentArgs(name: string, component: Component, wires: readonly Wire[], settings: SystemSettings): AppComponent {
  const { kind } = component;
  const from = { env: envOf(wires), ...source(name, component, wires, settings) };
  if (kind === "site") return { kind, ...from, outputDir: component.outputDir, routes: component.routes };
  const runs = { ...from, ...sized(name, component, settings) };
  if (kind === "worker") return { kind, ...runs };
  if (kind === "job") return { kind, ...runs, when: component.when };
  return { kind, ...runs, port: component.port, health: component.health, routes: component.routes };
}

export function envOf(wires: readonly Wire[]): Record<string, AppEnv> {
  return Object.fromEntries(
    wires.map(({ reader, value, scope, source }) => [
      reader.variable,
      source.encrypted ? { value, secret: true, scope } : { value, scope },
    ]),
  );
}

function source(name: string, component: Component, wires: readonly Wire[], settings: SystemSettings) {
  const { repo, branch, dir, environment, deployOnPush, buildCommand, runCommand } = component.source;
  return {
    github: { repo, branch, ...settings.repos[name], deployOnPush },
    dir,
    environment,
    ...(buildCommand === undefined ? {} : { buildCommand }),
    ...(runCommand === undefined ? {} : { runCommand: withCaFile(runCommand, wires) }),
  };
}

/** App Platform mounts no files: the certificates arrive as variables, and the run command writes them to a file before the program starts. */
function withCaFile(runCommand: string, wires: readonly Wire[]): string {
  if (!wires.some(({ source }) => source.isCaFile)) return runCommand;
  const certificates = wires.flatMap(({ source, reader }) => (source.part === "ca" ? [`"$${reader.variable}"`] : []));
  return `printf '%s\\n' ${certificates.join(" ")} > ${CA_FILE} && ${withExec(runCommand)}`;
}

/** `exec` replaces the shell with the program, so that it receives App Platform's signals. A command of several programs needs the shell. */
export function withExec(command: string): string {
  return /[;&|<>()`\n]|^\s*\w+=/.test(command) ? command : `exec ${command}`;
}

function sized(name: string, component: { size: string; instances: number; memoryAlertMiB?: number }, settings: SystemSettings) {
  const { size, instances } = settings.sizes[name] ?? component;
  const { cpu, memory, restartsPerHour } = settings.system.alerts;
  const alerts: ComponentAlert[] = [
    { rule: "CPU_UTILIZATION", above: cpu, window: "TEN_MINUTES" },
    { rule: "MEM_UTILIZATION", above: memoryPercent(size, component.memoryAlertMiB, memory), window: "TEN_MINUTES" },
    { rule: "RESTART_COUNT", above: restartsPerHour, window: "ONE_HOUR" },
  ];
  return { size, instances, alerts };
}

/** Definitions give MiB; App Platform takes a percentage of the instance's memory. */
function memoryPercent(size: string, memoryAlertMiB: number | undefined, otherwise: number): number {
  if (memoryAlertMiB === undefined) return otherwise;
  return Math.min(95, Math.max(1, Math.round((100 * memoryAlertMiB) / instanceSize(size).memoryMiB)));
}

/** The engine that the runner uses, started by App Platform inside the VPC before each deployment. */
function postDeployJob(system: string, { postDeploy, backups }: Settings, wires: readonly Wire[]): AppComponent {
  return {
    kind: "job",
    when: "PRE_DEPLOY",
    image: imageSource(postDeploy.image!, "slipway:postDeploy.image"),
    runCommand: formatPostDeployCommand({ system, backupHours: backups.schedule?.maxAgeHours }),
    size: "apps-s-1vcpu-0.5gb",
    env: envOf(wires),
  };
}
