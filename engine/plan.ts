/**
 * A Plan is what the program declares: every registration in order, with secrets marked in place and source positions. Review, audit and cost
 * read only this. It does not contain what the provider will return, or what already exists.
 */

export interface Plan {
  readonly project: string;
  readonly stack: string;
  /** In the order of registration, which is the creation order. */
  readonly resources: readonly PlannedResource[];
  readonly outputs: Readonly<Record<string, Value>>;
  /** Config keys with a placeholder value: missing ones (`--placeholders`), and encrypted ones, which only the passphrase opens. */
  readonly placeholders: readonly string[];
  readonly messages: readonly Message[];
  /** The values of secret config keys, by key. They must appear nowhere else; a masked plan leaves them out. */
  readonly secretConfig: Readonly<Record<string, string>>;
  /** Every secret text observed in the run: from config, `pulumi.secret`, registrations and provider answers. */
  readonly secrets: readonly string[];
}

export interface PlannedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Absent when the parent is the stack, which is not a resource of the plan. */
  readonly parent?: string;
  /** false for components, which the provider does not know. */
  readonly custom: boolean;
  /** true for an existing resource that the program only reads (`.get`, StackReference). */
  readonly read: boolean;
  /** The id by which a read resource is looked up, if known. */
  readonly id?: string;
  readonly inputs: Readonly<Record<string, Value>>;
  /** URNs, sorted. */
  readonly dependencies: readonly string[];
  /** URNs by top-level input. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly options: Options;
  readonly source?: Source;
  /** A component's outputs, from `registerOutputs`. */
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
  /** URNs, including those that follow from the parents' aliases. */
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
  /** Secrets are masked. */
  readonly text: string;
  readonly urn?: string;
}

/** A property value with marks: a secret is marked in place, at any depth. */
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

/** Marks are classes, so that no object of the program can look like one. */
export class Secret {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** Known only after the provider has created the resource. */
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
  /** The text of a StringAsset, which may contain a secret. */
  readonly text?: string;
  /** The other texts that it carries: names, texts and addresses inside of an archive, and the address of a remote asset. */
  readonly contents?: readonly string[];
  constructor(kind: "asset" | "archive", hash: string, text?: string, contents: readonly string[] = []) {
    this.kind = kind;
    this.hash = hash;
    if (text !== undefined) this.text = text;
    if (contents.length > 0) this.contents = contents;
  }
}
