/** Tests that need Pulumi's own engine run where its CLI is installed, and are skipped elsewhere. */
import { findPulumi } from "../operate/recover/pulumi-cli.ts";
import { describeUnless, type SkipReason } from "./skip.ts";

/** The CLI on the PATH, or where its installer puts it. */
export function pulumiCli(env: NodeJS.ProcessEnv = process.env): { readonly path: string } | undefined {
  const path = findPulumi(env);
  return path === undefined ? undefined : { path };
}

const NO_CLI: SkipReason = {
  reason: "Pulumi's CLI is neither on the PATH nor in ~/.pulumi/bin",
  enable: "install it: https://www.pulumi.com/docs/install",
};

/** Like `describe`; its tests count as skipped without the CLI, or fail where SLIPWAY_REQUIRE_PULUMI is set. */
export function describeWithPulumi(name: string, tests: (pulumi: string) => void): void {
  const cli = pulumiCli();
  if (cli === undefined && process.env.SLIPWAY_REQUIRE_PULUMI)
    throw new Error(`SLIPWAY_REQUIRE_PULUMI is set, but ${NO_CLI.reason}. To fix it: ${NO_CLI.enable}`);
  describeUnless(cli === undefined ? NO_CLI : undefined, name, () => tests(cli?.path ?? "pulumi"));
}
