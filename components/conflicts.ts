/** Names that exist at DigitalOcean but not in the state: an `up` that was killed between a request and its record leaves them behind. */
import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { isUnderEngine } from "../settings/read.ts";

/** DigitalOcean, its databases and Spaces each have their own words. */
const CONFLICT = /already (exists|in use|used|taken|been taken)|AlreadyExists|AlreadyOwnedByYou|\bname is(n't| not) available\b/i;

export function isConflict(error: string): boolean {
  return CONFLICT.test(error);
}

/**
 * Options for the component that contains a stack: a failed creation in it whose name is taken ends with the command that adopts what exists. Nothing
 * where no engine runs, which would call the hook, and with an engine that has no error hooks.
 */
export function explainConflicts(stack: string): Pick<pulumi.ComponentResourceOptions, "transformations"> {
  if (!isUnderEngine() || !supportsErrorHooks()) return {};
  let explained = false;
  const hook = new pulumi.ErrorHook("slipway-conflicts", async ({ name, failedOperation, errors }) => {
    if (explained || failedOperation !== "create" || !errors.some(isConflict)) return false;
    // One command adopts all of them.
    explained = true;
    await pulumi.log.error(conflictMessage(name, stack)).catch(() => {});
    return false;
  });
  // Not `hooks` on the component: Pulumi does not pass them on to its children.
  // Steps are left out: where the program has ended, no hook answers, and Pulumi reports that in place of the error. The provider logs its errors too.
  const transformation: pulumi.ResourceTransformation = ({ type, props, opts }) =>
    type.startsWith("digitalocean:") ? { props, opts: { ...opts, hooks: { onError: [hook] } } } : undefined;
  return { transformations: [transformation] };
}

export function conflictMessage(name: string, stack: string): string {
  return [
    `${name}: its name exists at DigitalOcean, but not in the state of stack ${stack}. If an interrupted run created it, adopt it, and run \`pulumi up\` again; if not, choose another name. To adopt it:`,
    `  npx slipway recover -s ${stack}`,
  ].join("\n");
}

/** The SDK has learned it from the engine before the program runs, and exports it without a type. */
function supportsErrorHooks(): boolean {
  return (state as unknown as { getStore(): { supportsErrorHooks?: boolean } }).getStore().supportsErrorHooks === true;
}
