/** What the commands of `slipway rotate` work on: the settings of a stack, its account, and the engine that deploys it. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject, type Project } from "../../engine/project.ts";
import { readStack, stackPath } from "../../engine/stackfile.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { STACK, workspaceAt } from "../../local/platform/workspace.ts";
import { databaseAddress } from "../../operate/recover/cluster.ts";
import { openAccount, type RoleAccount } from "../../operate/rotate/account.ts";
import { localDeployer } from "../../operate/rotate/deploy-local.ts";
import type { KeyRotationSubject } from "../../operate/rotate/keys.ts";
import type { Deployer, RotationSubject } from "../../operate/rotate/rotation.ts";
import type { SecretRotationSubject } from "../../operate/rotate/secrets.ts";
import { type CredentialSetting, writeSecretsRotated } from "../../operate/rotate/stack-file.ts";
import type { StackFile } from "../../operate/stack-file.ts";
import type { RoleKind } from "../../postdeploy/roles/index.ts";
import { configName } from "../../settings/operator.ts";
import type { Settings, SystemSettings } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { requireStack } from "../shared/require-stack.ts";
import { endpointOf, openProjectCli, openPulumiDeployer, readToken, requireProjectCli } from "../shared/stack-account.ts";
import { readSettings } from "../shared/stack-settings.ts";
import type { RotateOptions } from "./flags.ts";

export interface NewSecret {
  /** In the definition: "googleClientSecret". */
  readonly name: string;
  readonly value: string;
}

export interface Subject {
  readonly project: Project;
  readonly settings: Settings;
  /** Those that --system selects. */
  readonly selected: readonly SystemSettings[];
  /** What a printed command needs: "-s prod --cwd ../shop". */
  readonly flags: string;
  openAccount(): Promise<RoleAccount>;
  rotationOf(system: SystemSettings, kind: RoleKind): Promise<RotationSubject>;
  /** @param secret An operator's, with its new value. @default the generated ones */
  secretRotation(system: SystemSettings, today: string, secret?: NewSecret): Promise<SecretRotationSubject>;
  /** @param buckets Of the stack. */
  keyRotation(buckets: readonly string[]): Promise<KeyRotationSubject>;
}

export async function openSubject(options: RotateOptions, command: string): Promise<Subject> {
  const project = findProject(options.cwd);
  const stack = requireStack(options.stack, project, `rotate ${command}`);
  const wanted = options.system === undefined ? undefined : await findSystem(systems, options.system);
  const folder = path.relative(process.cwd(), project.root);
  const flags = ["-s", stack, ...(folder === "" ? [] : ["--cwd", folder])].map(quoteWord).join(" ");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const config = readStack(project, stack);
  const settings = readSettings(project, stack);
  const selected = settings.systems.filter(({ system }) => wanted === undefined || system.name === wanted.name);
  if (selected.length === 0) throw new UsageError(`Stack ${stack} does not have ${wanted?.title}. It has: ${names(settings)}.`);
  const workspace = workspaceAt(project.root);
  // `slipway local up` deploys stack local without Pulumi.
  const daemon = config.stack === STACK ? findDaemon(workspace) : undefined;
  let account: RoleAccount | undefined;
  return { project, settings, selected, flags, openAccount: openRoleAccount, rotationOf, secretRotation, keyRotation };

  async function openRoleAccount(): Promise<RoleAccount> {
    account ??= openAccount(
      daemon === undefined
        ? {
            endpoint: endpointOf(config, { stack, flags }),
            token: await readToken(config, openProjectCli(project, { stack, flags }), { stack, flags }),
          }
        : { endpoint: daemon.api, token: API_TOKEN },
    );
    return account;
  }

  async function secretRotation(of: SystemSettings, today: string, secret?: NewSecret): Promise<SecretRotationSubject> {
    const { system, rotated, operatorSecrets } = of;
    const wanted = secret === undefined ? generatedSecrets(system) : [secret.name];
    return {
      apps: Object.values(system.apps).map(({ name }) => `${name}${settings.suffix}`),
      variables: variablesOf(system, wanted),
      account: await openRoleAccount(),
      deployer: await openDeployer(),
      isWritten: secret === undefined && rotated === today,
      async write() {
        if (secret === undefined) writeSecretsRotated(fileOf(project, stack), `slipway:${configName(system.name)}`, today);
        // Its value is never in the arguments of a process.
        else
          await requireProjectCli(project, config.stack, { stack, flags }).run(
            ["config", "set", "--secret", operatorSecrets[secret.name]!, "-s", stack],
            secret.value,
          );
      },
    };
  }

  async function keyRotation(buckets: readonly string[]): Promise<KeyRotationSubject> {
    return {
      file: fileOf(project, stack),
      rotated: settings.keysRotated,
      buckets,
      account: await openRoleAccount(),
      deployer: await openDeployer(),
    };
  }

  async function openDeployer(): Promise<Deployer> {
    return daemon === undefined
      ? openPulumiDeployer(project, config.stack, { stack, flags })
      : localDeployer(workspace, await runningSystems(await openRoleAccount()));
  }

  async function rotationOf({ system }: SystemSettings, kind: RoleKind): Promise<RotationSubject> {
    const { database, schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
    return {
      system: system.name,
      kind,
      declared: { database, schemas, extensions, roles, statementTimeoutSeconds },
      address: databaseAddress(system, settings.suffix),
      setting: settingOf(project, stack, system.name, kind),
      account: await openRoleAccount(),
      deployer: await openDeployer(),
    };
  }

  /** The platform may run fewer systems than the stack declares. */
  async function runningSystems(of: RoleAccount): Promise<string[]> {
    const databases = await of.listDatabases();
    return settings.systems.filter(({ system }) => databases.includes(system.postgres.database)).map(({ system }) => system.name);
  }
}

export const generatedSecrets = ({ secrets }: System): readonly string[] =>
  Object.entries(secrets).flatMap(([name, { origin }]) => (origin === "generated" ? [name] : []));

/** "api JWT_SECRET" */
function variablesOf({ apps }: System, secrets: readonly string[]): ReadonlySet<string> {
  return new Set(
    Object.values(apps)
      .flatMap(({ components }) => Object.entries(components))
      .flatMap(([component, { env }]) =>
        Object.entries(env).flatMap(([name, one]) =>
          one.from === "secret" && secrets.includes(one.secret) ? [`${component} ${name}`] : [],
        ),
      ),
  );
}

export function settingOf(project: Project, stack: string, system: string, role: RoleKind): CredentialSetting {
  return { ...fileOf(project, stack), key: `slipway:${configName(system)}`, role };
}

function fileOf(project: Project, stack: string): StackFile {
  const [file, name] = stackPath(project, stack.split("/").at(-1)!);
  return { path: file, name };
}

const names = ({ systems: all }: Settings): string => all.map(({ system }) => system.name).join(", ");
