/** What the commands of `slipway rotate` work on: the settings of a stack, its account, and the engine that deploys it. */
import { quoteWord } from "../../catalog/shell.ts";
import type { Project } from "../../engine/project.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { databaseAddress } from "../../operate/recover/cluster.ts";
import { openAccount, type RoleAccount } from "../../operate/rotate/account.ts";
import type { KeyRotationSubject } from "../../operate/rotate/keys.ts";
import type { RotationSubject } from "../../operate/rotate/rotation.ts";
import type { SecretRotationSubject } from "../../operate/rotate/secrets.ts";
import { writeSecretsRotated } from "../../operate/rotate/stack-file.ts";
import type { RoleKind } from "../../postdeploy/roles/index.ts";
import { configName } from "../../settings/operator.ts";
import type { Settings, SystemSettings } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "../shared/errors.ts";
import { endpointOf, openProjectCli, readToken, requireProjectCli } from "../shared/stack-account.ts";
import { openDeployer, openStack, stackFileOf } from "../shared/stack-system.ts";
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
  const opened = await openStack(options, `rotate ${command}`);
  const { project, typedStack: stack, config, settings, named, cwd, daemon } = opened;
  const flags = ["-s", stack, ...cwd].map(quoteWord).join(" ");
  const target = { stack, flags };
  const selected = settings.systems.filter(({ system }) => named === undefined || system.name === named.name);
  if (selected.length === 0) throw new UsageError(`Stack ${stack} does not have ${named?.title}. It has: ${names(settings)}.`);
  let account: RoleAccount | undefined;
  return { project, settings, selected, flags, openAccount: openRoleAccount, rotationOf, secretRotation, keyRotation };

  async function openRoleAccount(): Promise<RoleAccount> {
    account ??= openAccount(
      daemon === undefined
        ? {
            endpoint: endpointOf(config, target),
            token: await readToken(config, openProjectCli(project, target), target),
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
      deployer: await openDeployer(opened, target),
      isWritten: secret === undefined && rotated === today,
      async write() {
        if (secret === undefined) writeSecretsRotated(stackFileOf(opened), `slipway:${configName(system.name)}`, today);
        // Its value is never in the arguments of a process.
        else
          await requireProjectCli(project, config.stack, target).run(
            ["config", "set", "--secret", operatorSecrets[secret.name]!, "-s", stack],
            secret.value,
          );
      },
    };
  }

  async function keyRotation(buckets: readonly string[]): Promise<KeyRotationSubject> {
    return {
      file: stackFileOf(opened),
      rotated: settings.keysRotated,
      buckets,
      account: await openRoleAccount(),
      deployer: await openDeployer(opened, target),
    };
  }

  async function rotationOf({ system }: SystemSettings, kind: RoleKind): Promise<RotationSubject> {
    const { database, schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
    return {
      system: system.name,
      kind,
      declared: { database, schemas, extensions, roles, statementTimeoutSeconds },
      address: databaseAddress(system, settings.suffix),
      setting: { ...stackFileOf(opened), key: `slipway:${configName(system.name)}`, role: kind },
      account: await openRoleAccount(),
      deployer: await openDeployer(opened, target),
    };
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

const names = ({ systems: all }: Settings): string => all.map(({ system }) => system.name).join(", ");
