/**
 * Replaces secrets that the apps of a system read: the generated ones, or one that comes from elsewhere. The program or the stack's config has one value of
 * each, so there is no second one to move to; what this adds to a deployment is the order, and the proof that the apps run with new values.
 */
import type { AppVariable, RoleAccount } from "./account.ts";
import { RotateError } from "./error.ts";
import type { Deployer } from "./rotation.ts";

export interface SecretRotationSubject {
  /** The names of the apps at DigitalOcean. */
  readonly apps: readonly string[];
  /** The variables that read the secrets: "api JWT_SECRET". Empty for a secret that no app reads, such as the webhook of an alert. */
  readonly variables: ReadonlySet<string>;
  readonly account: Pick<RoleAccount, "listSecretVariables">;
  readonly deployer: Pick<Deployer, "requireNoChanges" | "deploy">;
  /** Whether an interrupted run of this day has written the change already. */
  readonly isWritten: boolean;
  /** Writes the change that the deployment carries out: a new day, or a new value. */
  write(): Promise<void>;
}

/** @returns the variables that have new values: "fluxstudio api JWT_SECRET" */
export async function rotateSecrets(subject: SecretRotationSubject, report: (line: string) => void): Promise<readonly string[]> {
  const { deployer, isWritten } = subject;
  if (isWritten) report("The change is written already: continue that rotation");
  // A rotation would deploy these too.
  else await deployer.requireNoChanges();
  const before = new Map((await readVariables(subject)).map((variable) => [nameOf(variable), variable.active]));
  if (before.size === 0 && subject.variables.size > 0)
    throw new RotateError("No deployed app reads these secrets, so there is nothing to rotate. Deploy the stack first.");
  if (!isWritten) await subject.write();
  report("Deploy with new values");
  await deployer.deploy();
  const after = await readVariables(subject);
  // What is encrypted again has another ciphertext. An interrupted run may have deployed some apps.
  const old = after.filter(
    (variable) => variable.active !== variable.specified || (!isWritten && variable.active === before.get(nameOf(variable))),
  );
  if (old.length > 0)
    throw new RotateError(
      `After the deployment, the apps still run with the old value of ${old.map(nameOf).join(", ")}. See the deployments of the apps, and run the same command again.`,
    );
  return after.map(nameOf);
}

async function readVariables({ account, apps, variables }: SecretRotationSubject): Promise<readonly AppVariable[]> {
  return (await account.listSecretVariables(apps)).filter(({ component, name }) => variables.has(`${component} ${name}`));
}

const nameOf = ({ app, component, name }: AppVariable): string => `${app} ${component} ${name}`;
