/** Deploys a stack with Pulumi's CLI. */
import { RecoverError } from "../recover/error.ts";
import { TYPES } from "../recover/kinds.ts";
import type { PulumiCli } from "../recover/pulumi-cli.ts";
import { LockedError } from "../recover/pulumi-cli.ts";
import { parseState } from "../recover/state.ts";
import { RotateError } from "./error.ts";
import type { Deployer } from "./rotation.ts";

export interface PulumiStack {
  readonly cli: PulumiCli;
  readonly project: string;
  /** As the CLI takes it. */
  readonly stack: string;
  /** What a printed command needs: "-s prod". */
  readonly flags: string;
  /** What deploys it. @default "a rotation" */
  readonly purpose?: string;
}

export function pulumiDeployer({ cli, project, stack, flags, purpose = "a rotation" }: PulumiStack): Deployer {
  return {
    async requireNoChanges() {
      try {
        await cli.run(["preview", "--expect-no-changes", "-s", stack]);
      } catch (error) {
        if (error instanceof LockedError || !(error instanceof RecoverError) || !/no changes were expected/i.test(error.message))
          throw error;
        throw new RotateError(
          `The program of stack ${stack} has changes that are not deployed, and ${purpose} would deploy them too. Nothing was changed. Deploy them first: pulumi up ${flags}`,
        );
      }
    },

    async deploy() {
      await cli.run(["up", "--yes", "--skip-preview", "-s", stack]);
    },

    async refresh({ cluster, users, pools }) {
      if (users.length + pools.length === 0) return;
      const state = parseState(
        await cli.run(["stack", "export", "-s", stack]),
        { project, stack: stack.split("/").at(-1)!, flags },
        `The state of stack ${stack}`,
      );
      const wanted: Readonly<Record<string, readonly string[]>> = { [TYPES.user]: users, [TYPES.pool]: pools };
      const targets = state.resources
        .filter(({ type, outputs }) => wanted[type]?.includes(String(outputs.name)) && outputs.clusterId === cluster)
        .flatMap(({ urn }) => ["--target", urn]);
      if (targets.length > 0) await cli.run(["refresh", "--yes", "--skip-preview", ...targets, "-s", stack]);
    },
  };
}
