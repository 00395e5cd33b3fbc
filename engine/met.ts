import type { Answer, Awaitable, Provider } from "./monitor.ts";
import { type PlannedResource, Secret } from "./plan.ts";
import { secretTextsIn, textsOf } from "./secrettexts.ts";
import { onItsBehalf } from "./spoken.ts";

/** The secrets that a run of a program meets, by the texts that would give them away. Told from as late as possible: most runs meet none. */
export class Met {
  readonly #config: readonly string[];
  readonly #whole: unknown[] = [];
  readonly #marked: unknown[] = [];

  constructor(config: readonly string[]) {
    this.#config = config;
  }

  /** Something that is secret as a whole. */
  secret(value: unknown): void {
    this.#whole.push(value);
  }

  /** Something with marks inside. */
  marked(value: unknown): void {
    this.#marked.push(value);
  }

  texts(): readonly string[] {
    return [...new Set([...this.#config, ...this.#whole.flatMap(textsOf), ...this.#marked.flatMap(secretTextsIn)])];
  }

  /** The same provider, overheard. What it prints is its own and not the program's. */
  overhearing(provider: Provider): Provider {
    const overheard = async (resource: PlannedResource, answering: Awaitable<Answer>): Promise<Answer> => {
      const answer = await answering;
      this.marked(resource.inputs);
      this.marked(answer.outputs);
      // What the engine would mark: what the SDK lists, and outputs named like a secret input.
      const secretInputs = Object.keys(resource.inputs).filter((key) => resource.inputs[key] instanceof Secret);
      for (const key of [...(resource.options.additionalSecretOutputs ?? []), ...secretInputs]) this.secret(answer.outputs[key]);
      return answer;
    };
    return {
      register: (resource) =>
        overheard(
          resource,
          onItsBehalf(() => provider.register(resource)),
        ),
      read: (resource) =>
        overheard(
          resource,
          onItsBehalf(() => provider.read(resource)),
        ),
      invoke: async (token, args) => {
        this.marked(args);
        const answer = await onItsBehalf(() => provider.invoke(token, args));
        this.marked(answer);
        return answer;
      },
    };
  }
}
