/**
 * Quiet secrets: a preview that is silent while nothing changed, and an `up` that still sends what did.
 *
 * DigitalOcean answers a SECRET variable with fresh ciphertext, so once the state has been refreshed the provider sees a change at every preview and
 * redeploys at every `up` (terraform-provider-digitalocean#1603). Ignoring the value for good would lose a rotated secret in silence. So the stack
 * remembers what each app was last sent, and ignores an app's variables only while the same are wanted.
 *
 * Runs fail, are killed, leave an app out (`--target`), and send one app before they fail at another. So the memory is made of what cannot lie:
 *
 * - A token for each app, renewed in the state before other variables are sent. No token is used twice, so returning to former variables is a
 *   change like any other, whatever a broken run forgot to write down. A run that leaves the token out sends no other variables, and says so.
 * - A mark in the app's own spec, new with every sending. The provider takes what it failed to send for sent, and would not send it again; a spec with
 *   a new mark it always sends. And what an app's state says it was sent is what the mark in it says: an app that was left out has its old one.
 * - A secret output of the stack with both, which the next run reads.
 *
 * The same output holds the version of each secret: a number that increases when its value changes. A preview prints it in place of the value.
 *
 * What that hides: a variable edited by hand in the control panel stays as it is until a variable changes here.
 */
import { hash, randomBytes } from "node:crypto";
import type * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { SENT_VARIABLES } from "../catalog/step-types.ts";
import { type AppArgs, envLists, type Quiet, secretPath } from "./appspec.ts";
import { child } from "./names.ts";

/** The stack output that carries the memory: `return { sentVariables: memory.output }`. */
export const MEMORY_OUTPUT = "sentVariables";

/** By app. */
type Remembered = Readonly<Record<string, Sending>>;

interface Sending {
  /** The mark that the app was sent with. */
  readonly mark: string;
  /** The hash of what it was sent. */
  readonly variables: string;
  /** By "component variable". Absent in the record of an earlier slipway. */
  readonly secrets?: Secrets;
}

/** The salted hash of each secret, and its version. */
type Secrets = Readonly<Record<string, { readonly hash: string; readonly version: number }>>;

export class EnvMemory {
  readonly #last: Remembered;
  readonly #next = new Map<string, () => Promise<Sending | undefined>>();

  private constructor(last: Remembered) {
    this.#last = last;
  }

  /** What this very stack remembers; nothing on a first run. */
  static async recall(): Promise<EnvMemory> {
    const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    // Not a StackReference: the preview after each `up` would show how the outputs changed in that `up`.
    const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: self });
    const last: unknown = outputs?.[MEMORY_OUTPUT];
    return new EnvMemory(isRemembered(last) ? last : {});
  }

  /**
   * Compares an app's variables with those that it was last sent. To be handed to the app: `new App(name, { ...args, quiet })`.
   * @param app The app's name in the program.
   */
  async compare(app: string, args: AppArgs, opts?: pulumi.CustomResourceOptions): Promise<Quiet> {
    const lists = envLists(args);
    const wanted = fingerprint(args, lists);
    const token = new Token(child(app, "variables"), wanted, opts);
    const [list, key] = await Promise.all([settle(wanted), settle(token.token)]);
    const variables = list === undefined || key === undefined ? undefined : hash("sha256", `${key} ${list}`);
    const last = this.#last[app];
    const secrets = await nextVersions(lists, last?.secrets ?? {});
    const held = last !== undefined && (await isLeftOut(token, list));
    if (held) {
      const text = `${app}: its variables have changed and are not sent, because ${child(app, "variables")} is no target of this run. Run without --target, or name it together with the app.`;
      void pulumi.log.warn(text, token);
    }
    const same = last !== undefined && (held || last.variables === variables);
    const mark = same ? last.mark : randomBytes(8).toString("hex");

    let followed: digitalocean.App | undefined;
    this.#next.set(app, async () => {
      // The engine reports an app that failed.
      const arrived = !same && followed !== undefined && (await carries(followed, mark).catch(() => false));
      if (arrived && variables !== undefined) return { mark, variables, secrets };
      // Adds the versions to the record of an earlier slipway.
      return same && !held && last.secrets === undefined ? { ...last, secrets } : last;
    });
    return {
      versions: new Map(Object.entries(secrets).map(([path, { version }]) => [path, version])),
      unchanged: same ? lists.map(({ path }) => path) : [],
      // A plan must be the same twice; and no preview knows which mark the `up` after it will make.
      mark: same || !pulumi.runtime.isDryRun() ? mark : pulumi.output(pulumi.unknown as unknown as string),
      follow: (it) => {
        followed = it;
      },
    };
  }

  /** Export this as `sentVariables`. It is secret: together with its token, a short secret could be guessed from it. */
  get output(): pulumi.Output<Remembered> {
    return pulumi.secret(pulumi.output(this.#remembered()));
  }

  async #remembered(): Promise<Remembered> {
    const entries = await Promise.all([...this.#next].map(async ([app, sending]) => [app, await sending()] as const));
    return Object.fromEntries(entries.filter((entry): entry is readonly [string, Sending] => entry[1] !== undefined));
  }
}

/** Of all that an app's ciphertext is bound to: another place in the spec, another app or region is another list. */
function fingerprint({ appName, region }: AppArgs, lists: ReturnType<typeof envLists>): pulumi.Output<string> {
  // One flat list: an Output of nested lists makes an Output of each of them.
  const values = pulumi.all(lists.flatMap(({ envs }) => envs.map(({ value }) => value)));
  return pulumi.secret(
    values.apply((known) => {
      const next = known.values();
      const rows = lists.map(({ path, component, envs }) => [
        path,
        component,
        envs.map((env) => [env.key, env.scope, env.type ?? "", next.next().value]),
      ]);
      return hash("sha256", JSON.stringify([appName, region, rows]));
    }),
  );
}

/**
 * A secret whose value is not known before the update is a new one.
 * @param last what the app was sent
 */
async function nextVersions(lists: ReturnType<typeof envLists>, last: Secrets): Promise<Secrets> {
  const secrets = lists.flatMap(({ component, envs }) =>
    envs.filter(({ type }) => type === "SECRET").map((env) => ({ component, ...env })),
  );
  const entries = secrets.map(async ({ component, key, value }) => {
    const path = secretPath(component, key);
    const known = await settle(pulumi.output(value));
    const before = last[path];
    if (before !== undefined && known !== undefined && saltedHash(known, before.hash) === before.hash) return [path, before] as const;
    return [path, { hash: known === undefined ? "" : saltedHash(known), version: (before?.version ?? 0) + 1 }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** @param like a hash whose salt is used again */
function saltedHash(text: string, like?: string): string {
  const salt = like?.split(" ")[0] ?? randomBytes(16).toString("hex");
  return `${salt} ${hash("sha256", `${salt} ${text}`)}`;
}

/**
 * The token: a dynamic resource, because its update must make a new value in place. Any resource of a provider would be replaced, and a preview
 * would show that replacement for every changed variable.
 */
class Token extends pulumi.CustomResource {
  /** Secret: the fingerprint that the token was made for. */
  declare readonly variables: pulumi.Output<string>;
  declare readonly token: pulumi.Output<string>;

  constructor(name: string, variables: pulumi.Input<string>, opts?: pulumi.CustomResourceOptions) {
    super(SENT_VARIABLES, name, { variables, token: undefined, __provider: HANDLER }, opts);
  }
}

/**
 * The dynamic resource's code, which Pulumi keeps in the state. It needs nothing but Node, so that any version of slipway can run it. Where slipway can,
 * it stops this process with the engine that started it.
 */
const HANDLER = `exports.handler = () => {
  import("slipway/postdeploy").then(({ stopWithEngine }) => stopWithEngine?.()).catch(() => {});
  const renewed = (inputs) => ({ ...inputs, token: require("node:crypto").randomBytes(16).toString("hex") });
  return {
    check: async (olds, news) => ({ inputs: news, failures: [] }),
    diff: async (id, olds, news) => ({ changes: olds.variables !== news.variables, replaces: [], deleteBeforeReplace: false }),
    create: async (inputs) => ({ id: "variables", outs: renewed(inputs) }),
    update: async (id, olds, news) => ({ outs: renewed(news) }),
    read: async (id, props) => ({ id, props }),
    delete: async () => {},
  };
};
`;

async function carries(app: digitalocean.App, mark: string): Promise<boolean> {
  return holds(await settle(app.spec), mark);
}

/** Whether the token is still that of other variables, although it has been declared with these. */
async function isLeftOut(token: Token, variables: string | undefined): Promise<boolean> {
  const stored = await settle(token.variables);
  return variables !== undefined && stored !== undefined && !holds(stored, variables);
}

/** Looked for as text: providers mark one secret inside of another, and the SDK opens only the outer one. */
function holds(value: unknown, text: string): boolean {
  return JSON.stringify(value ?? null).includes(text);
}

/** An Output's value once it is there; undefined where it is unknown. `.apply` alone would wait for ever: in a preview it never runs then. */
async function settle<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  const { isKnown, promise } = output as unknown as { isKnown: Promise<boolean>; promise: () => Promise<T> };
  return (await isKnown) ? promise.call(output) : undefined;
}

function isRemembered(value: unknown): value is Remembered {
  return typeof value === "object" && value !== null && Object.values(value).every(isSending);
}

function isSending(value: unknown): value is Sending {
  const { mark, variables, secrets = {} } = (value ?? {}) as Partial<Sending>;
  return typeof mark === "string" && typeof variables === "string" && isSecrets(secrets);
}

function isSecrets(value: unknown): value is Secrets {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every((it) => typeof it?.hash === "string" && typeof it?.version === "number");
}
