/**
 * Quiet secrets: a preview that is silent while nothing changed, and an `up` that still sends what did.
 *
 * DigitalOcean answers a SECRET variable with fresh ciphertext, so the provider sees a change at every preview and redeploys at every `up`
 * (terraform-provider-digitalocean#1603). Ignoring the value for good would lose a rotated secret in silence. So the stack remembers:
 * a fingerprint of each component's whole variable list is a secret output, read back at the start of the next run through a reference of the
 * stack to itself. Only a list that equals the remembered one is ignored.
 *
 * What that hides: a variable edited by hand in the control panel stays as it is until the list changes here.
 */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { type AppArgs, type EnvList, envLists } from "./appspec.ts";

/** The stack output that carries the memory: `export const envFingerprints = memory.output`. */
export const MEMORY_OUTPUT = "envFingerprints";

type Fingerprints = Readonly<Record<string, string>>;

export class EnvMemory {
  readonly #last: Fingerprints;
  readonly #next: Record<string, pulumi.Output<string>> = {};

  private constructor(last: Fingerprints) {
    this.#last = last;
  }

  /** What the last `up` of this very stack remembered; nothing on a first run. */
  static async recall(): Promise<EnvMemory> {
    const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    const stack = new pulumi.StackReference("last-run", { name: self });
    const { value, secretValue } = await stack.getOutputDetails(MEMORY_OUTPUT);
    const last: unknown = secretValue ?? value;
    return new EnvMemory(isFingerprints(last) ? last : {});
  }

  /**
   * Compares an app's variables with those the last `up` sent and notes today's for the next run.
   * @returns the paths to ignore: `spec.services[0].envs` for each component whose list is unchanged.
   */
  async unchanged(app: string, args: AppArgs): Promise<readonly string[]> {
    const paths: string[] = [];
    await Promise.all(
      envLists(args).map(async ({ path, component, envs }) => {
        // The key holds all that a list's ciphertext is bound to: another place in the spec, another app or region is another list.
        const key = `${app} ${args.appName}@${args.region} ${path} ${component}`;
        const today = fingerprint(envs);
        this.#next[key] = today;
        const now = await settle(today);
        if (now.known && this.#last[key] === now.value) paths.push(path);
      }),
    );
    return paths.sort();
  }

  /** Export this as `envFingerprints`. It is secret: a fingerprint of a short secret could be guessed back. */
  get output(): pulumi.Output<Record<string, string>> {
    return pulumi.secret(pulumi.all(this.#next)) as pulumi.Output<Record<string, string>>;
  }
}

function fingerprint(envs: EnvList): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.output(envs).apply((list) => {
      const rows = list.map((e) => [e.key, e.scope, e.type ?? "", e.value]);
      return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    }),
  );
}

/**
 * An Output's value once it is there, and whether it is. `.apply` alone would wait for ever: in a preview it never runs on an unknown value.
 */
async function settle<T>(output: pulumi.Output<T>): Promise<{ known: true; value: T } | { known: false }> {
  const { isKnown, promise } = output as unknown as { isKnown: Promise<boolean>; promise: () => Promise<T> };
  if (!(await isKnown)) return { known: false };
  return { known: true, value: await promise.call(output) };
}

function isFingerprints(value: unknown): value is Fingerprints {
  return typeof value === "object" && value !== null && Object.values(value).every((v) => typeof v === "string");
}
