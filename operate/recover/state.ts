/** The resources of a stack as `pulumi stack export` prints them. Secrets in it are encrypted, and stay so. */
import { RecoverError } from "./error.ts";

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  /** "" for components. */
  readonly id: string;
  readonly custom: boolean;
  readonly protect: boolean;
  /** The provider created it and reported an error. An `up` updates it first, which some types refuse. */
  readonly incomplete: boolean;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** The URN of an explicit provider. Absent for the default one, which the stack's config sets up. */
  readonly provider?: string;
}

export interface PendingOperation {
  readonly urn: string;
  /** "creating", "updating", "deleting", … */
  readonly operation: string;
}

export interface State {
  readonly resources: readonly StateResource[];
  /** The old halves of replacements, which the next `up` deletes. @default none */
  readonly deleting?: readonly StateResource[];
  /** What an interrupted run had begun and never finished. */
  readonly pending: readonly PendingOperation[];
}

export interface StackIdentity {
  readonly project: string;
  readonly stack: string;
  /** What a printed command needs: "-s acme/qa --cwd ../shop". @default "-s" and the stack */
  readonly flags?: string;
}

/** @param source Where the text is from, for messages. @throws {RecoverError} for a text that is not the state of this stack. */
export function parseState(text: string, { project, stack, flags = `-s ${stack}` }: StackIdentity, source: string): State {
  const deployment = deploymentOf(text, source);
  const resources = Array.isArray(deployment.resources) ? deployment.resources.filter(isExported) : [];
  const pending = Array.isArray(deployment.pending_operations) ? deployment.pending_operations.filter(isPending) : [];
  const foreign = resources.find(({ urn }) => !urn.startsWith(`urn:pulumi:${stack}::${project}::`));
  if (foreign !== undefined) {
    const [, otherStack, otherProject] = /^urn:pulumi:(.+?)::(.+?)::/.exec(foreign.urn) ?? [];
    throw new RecoverError(
      `${source} is the state of stack ${otherStack} of project ${otherProject}, not of stack ${stack} of project ${project}. ` +
        `Export the right one: pulumi stack export ${flags} > state.json`,
    );
  }
  return {
    resources: resources.filter((resource) => resource.delete !== true).map(toResource),
    deleting: resources.filter((resource) => resource.delete === true).map(toResource),
    pending: pending.map(({ resource, type }) => ({ urn: resource.urn, operation: type })),
  };
}

/** "default_4_80_1" */
const DEFAULT_PROVIDER = /::pulumi:providers:\w+::default(_\d[^:]*)?::[^:]*$/;

interface Exported {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly custom?: boolean;
  readonly delete?: boolean;
  readonly protect?: boolean;
  readonly initErrors?: readonly string[];
  /** Its URN, "::" and its id. */
  readonly provider?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

function deploymentOf(text: string, source: string): Readonly<Record<string, unknown>> {
  const wrong = () =>
    new RecoverError(`${source} is not a state that \`pulumi stack export\` wrote. Write one: pulumi stack export --file state.json`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Without the parser's message, which repeats a part of the text.
    throw wrong();
  }
  const { version, deployment } = (parsed ?? {}) as { version?: unknown; deployment?: unknown };
  if (typeof version !== "number") throw wrong();
  if (deployment === null || deployment === undefined) return {};
  if (typeof deployment !== "object") throw wrong();
  return deployment as Readonly<Record<string, unknown>>;
}

function toResource({
  urn,
  type,
  id = "",
  custom = false,
  protect = false,
  initErrors = [],
  outputs = {},
  provider,
}: Exported): StateResource {
  const explicit =
    provider === undefined || DEFAULT_PROVIDER.test(provider) ? {} : { provider: provider.slice(0, provider.lastIndexOf("::")) };
  return { urn, type, id, custom, protect, incomplete: initErrors.length > 0, outputs, ...explicit };
}

function isExported(value: unknown): value is Exported {
  const { urn, type } = (value ?? {}) as Partial<Exported>;
  return typeof urn === "string" && typeof type === "string";
}

function isPending(value: unknown): value is { readonly resource: { readonly urn: string }; readonly type: string } {
  const { resource, type } = (value ?? {}) as { resource?: { urn?: unknown }; type?: unknown };
  return typeof type === "string" && typeof resource?.urn === "string";
}
