import type { Answer, Awaitable, Provider } from "./monitor.ts";
import { outsideCapture } from "./output-capture.ts";
import { type PlannedResource, Secret } from "./plan.ts";
import { markedSecretTexts, secretTextsOf } from "./secret-texts.ts";

/** The secrets of one recording. Texts are derived from them only when something must be masked, which most recordings never need. */
export class SecretRegistry {
  readonly #configTexts: readonly string[];
  readonly #secretValues: unknown[] = [];
  readonly #markedValues: unknown[] = [];

  constructor(configTexts: readonly string[]) {
    this.#configTexts = configTexts;
  }

  /** Adds a value that is secret as a whole. */
  addSecret(value: unknown): void {
    this.#secretValues.push(value);
  }

  /** Adds a value that contains secrets, marked with `Secret`. */
  addMarked(value: unknown): void {
    this.#markedValues.push(value);
  }

  texts(): readonly string[] {
    return [
      ...new Set([...this.#configTexts, ...this.#secretValues.flatMap(secretTextsOf), ...this.#markedValues.flatMap(markedSecretTexts)]),
    ];
  }

  /** The same provider; the secrets in its requests and answers are added. Its own console output is not the program's. */
  observe(provider: Provider): Provider {
    const observed = async (resource: PlannedResource, call: () => Awaitable<Answer>): Promise<Answer> => {
      const answer = await outsideCapture(call);
      this.addMarked(resource.inputs);
      this.addMarked(answer.outputs);
      // Pulumi's engine marks outputs that the SDK lists, and outputs named like a secret input.
      const secretInputs = Object.keys(resource.inputs).filter((key) => resource.inputs[key] instanceof Secret);
      for (const key of [...(resource.options.additionalSecretOutputs ?? []), ...secretInputs]) this.addSecret(answer.outputs[key]);
      return answer;
    };
    return {
      register: (resource) => observed(resource, () => provider.register(resource)),
      read: (resource) => observed(resource, () => provider.read(resource)),
      invoke: async (token, args) => {
        this.addMarked(args);
        const answer = await outsideCapture(() => provider.invoke(token, args));
        this.addMarked(answer);
        return answer;
      },
    };
  }
}
