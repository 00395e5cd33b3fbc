/**
 * A Plan is what the program asked for, exactly: every registration in order, secrets marked where they stand, sources where they were written.
 * It is the one thing that review, audit and cost read. What it cannot know: what the provider will answer, and what stands there already.
 */

export interface Plan {
  readonly project: string;
  readonly stack: string;
  /** In the order in which the program registered them: the order of the doors. */
  readonly resources: readonly PlannedResource[];
  readonly outputs: Readonly<Record<string, Value>>;
  /** Config keys that had no value and were given a marked stand-in (`--placeholders`, or an encrypted value without its passphrase). */
  readonly placeholders: readonly string[];
  readonly messages: readonly Message[];
  /** The values of secret config keys, by key: what must be found nowhere else, and what a masked plan leaves out. */
  readonly secretConfig: Readonly<Record<string, string>>;
  /** Every secret text that the run met, wherever it came from: config, `pulumi.secret`, what was registered, what providers answered. */
  readonly secrets: readonly string[];
}

export interface PlannedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Absent where the parent is the stack itself, which is no resource of the plan. */
  readonly parent?: string;
  /** false for components, which group but are nothing at the provider. */
  readonly custom: boolean;
  /** true where the program only reads something that exists (`.get`, StackReference). */
  readonly read: boolean;
  /** By which a read resource is looked up, where that is known. */
  readonly id?: string;
  readonly inputs: Readonly<Record<string, Value>>;
  /** URNs, sorted. */
  readonly dependencies: readonly string[];
  /** URNs by top-level input. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly options: Options;
  readonly source?: Source;
  /** What a component told of itself with `registerOutputs`. */
  readonly outputs?: Readonly<Record<string, Value>>;
}

export interface Options {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
  readonly deleteBeforeReplace?: boolean;
  readonly ignoreChanges?: readonly string[];
  readonly replaceOnChanges?: readonly string[];
  readonly additionalSecretOutputs?: readonly string[];
  /** URNs, the ones that follow from the parents' aliases included. */
  readonly aliases?: readonly string[];
  readonly customTimeouts?: { readonly create?: string; readonly update?: string; readonly delete?: string };
  readonly importId?: string;
  /** The URN of an explicit provider. */
  readonly provider?: string;
  readonly version?: string;
}

export interface Source {
  /** Relative to the program's directory. */
  readonly file: string;
  readonly line: number;
}

export interface Message {
  readonly severity: "info" | "warning" | "error";
  /** Without the secrets that it held. */
  readonly text: string;
  readonly urn?: string;
  /** Those, where it held any. */
  readonly held?: readonly string[];
}

/** A property value with its marks: a secret keeps its place, however deep. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value }
  | Secret
  | Unknown
  | Reference
  | Asset;

/** Marks are classes, so that no object of the program can be mistaken for one. */
export class Secret {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** Known only after the provider has answered. */
export class Unknown {}

export class Reference {
  readonly urn: string;
  constructor(urn: string) {
    this.urn = urn;
  }
}

export class Asset {
  readonly kind: "asset" | "archive";
  readonly hash: string;
  /** Of what the program wrote as a text, which may hold a secret. */
  readonly text?: string;
  constructor(kind: "asset" | "archive", hash: string, text?: string) {
    this.kind = kind;
    this.hash = hash;
    if (text !== undefined) this.text = text;
  }
}
