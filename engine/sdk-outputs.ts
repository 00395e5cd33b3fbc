/** The SDK's Outputs within a session: what is secret in them is overheard, and those that nobody asks for are never made. */

interface OutputClass {
  new (...args: OutputArgs): Output;
  readonly prototype: Output;
}
type OutputArgs = [
  resources: unknown,
  value: Promise<unknown>,
  isKnown: Promise<boolean>,
  isSecret: Promise<boolean>,
  all?: Promise<unknown>,
];

interface Output {
  readonly isSecret: Promise<boolean>;
  apply(use: (value: unknown) => unknown, runWithUnknowns?: boolean): Output;
}

export interface Listener {
  /** Told of every secret value that the program makes or reads, in the SDK's own form. */
  readonly met: (secret: unknown) => void;
}

/** @param listening Whoever listens to the session that asks; undefined outside of all sessions. */
export function installOutputs(requireOfSdk: (id: string) => unknown, listening: () => Listener | undefined): void {
  const outputs = requireOfSdk("@pulumi/pulumi/output.js") as { Output: OutputClass };
  const rpc = requireOfSdk("@pulumi/pulumi/runtime/rpc.js") as { transferProperties: Transfer };
  const errors = requireOfSdk("@pulumi/pulumi/errors.js") as { isGrpcError: (error: Error) => boolean };
  const RealOutput = outputs.Output;
  overhearMade();
  overhearRead();
  makeLate();

  /**
   * What `pulumi.secret` is given. Whatever else becomes secret does so later, by what it is made of: an Output of ten values, one of them
   * secret, is none that should be looked for as a whole.
   */
  function overhearMade(): void {
    outputs.Output = new Proxy(RealOutput, {
      construct(target, args: OutputArgs) {
        const listener = listening();
        if (listener) {
          const [, value, , isSecret] = args;
          let born = false;
          isSecret.then((secret) => {
            born = secret;
          }, ignore);
          queueMicrotask(() => {
            if (born) value.then(listener.met, ignore);
          });
          // A resource's id and URN, too, are asked for seldom.
          return whenAsked(() => new target(...args));
        }
        return new target(...args);
      },
    });
  }

  /** What a program reads out of a secret Output, it may repeat anywhere. */
  function overhearRead(): void {
    const realApply = RealOutput.prototype.apply;
    RealOutput.prototype.apply = function apply(use, runWithUnknowns) {
      const listener = listening();
      if (!listener) return realApply.call(this, use, runWithUnknowns);
      let secret = false;
      this.isSecret.then((it) => {
        secret = it;
      }, ignore);
      const heard = (value: unknown) => {
        if (secret && (typeof value === "string" || typeof value === "number")) listener.met(value);
        return use(value);
      };
      return realApply.call(this, heard, runWithUnknowns);
    };
  }

  /**
   * Of the outputs of a resource a program reads one in ten, and each costs twenty promises: they are made when they are asked for.
   * A failure that nobody hears of in this way is told by the resource's URN.
   */
  function makeLate(): void {
    const realTransfer = rpc.transferProperties;
    rpc.transferProperties = (onto, label, props) => {
      if (!listening()) return realTransfer(onto, label, props);
      const settling: Record<string, Settle> = {};
      for (const key of Object.keys(props)) {
        if (key === "id" || key === "urn") continue;
        if (Object.hasOwn(onto, key)) throw new Error(`Property '${key}' is already initialized on target '${label}`);
        const { output, settle } = late(onto);
        (onto as Record<string, Output>)[key] = output;
        settling[key] = settle;
      }
      return settling;
    };
  }

  function late(onto: object): { readonly output: Output; readonly settle: Settle } {
    let settled: Settled | Error | undefined;
    let tell: () => void = ignore;
    return { output: whenAsked(() => outputOf(onto, answer())), settle };

    function settle(...[value, isKnown, isSecret, deps = [], error]: Parameters<Settle>): void {
      // Whoever asks for an output of what failed on the wire waits for ever, as with the SDK's own.
      if (error && errors.isGrpcError(error)) return;
      settled = error ?? { value, isKnown, isSecret, deps };
      tell();
    }

    async function answer(): Promise<Settled> {
      if (!settled) await new Promise<void>((resolve) => (tell = resolve));
      if (settled instanceof Error) throw settled;
      return settled as Settled;
    }
  }

  /** What stands there until then is a Proxy, as the SDK's own Outputs are, and passes on whatever it is asked. */
  function whenAsked(make: () => Output): Output {
    const waiting = Object.create(RealOutput.prototype) as Waiting;
    waiting[MAKE] = make;
    return new Proxy<Output>(waiting, PASSING_ON as ProxyHandler<Output>);
  }

  function outputOf(onto: object, settled: Promise<Settled>): Output {
    settled.catch(ignore);
    return new RealOutput(
      onto,
      settled.then(({ value }) => value),
      settled.then(({ isKnown }) => isKnown),
      settled.then(({ isSecret }) => isSecret),
      settled.then(({ deps }) => deps),
    );
  }
}

const MAKE = Symbol("make");
const MADE = Symbol("made");

/** An Output that nobody has asked for anything yet. */
interface Waiting extends Output {
  [MAKE](): Output;
  [MADE]?: Output;
}

const madeOf = (waiting: Waiting): Output => (waiting[MADE] ??= waiting[MAKE]());

/** One for all of them: there are a thousand. */
const PASSING_ON: ProxyHandler<Waiting> = {
  get: (waiting, key) => Reflect.get(madeOf(waiting), key),
  has: (waiting, key) => Reflect.has(madeOf(waiting), key),
  ownKeys: (waiting) => Reflect.ownKeys(madeOf(waiting)),
  getOwnPropertyDescriptor: (waiting, key) => Reflect.getOwnPropertyDescriptor(madeOf(waiting), key),
};

type Transfer = (onto: object, label: string, props: object) => Record<string, Settle>;
type Settle = (value: unknown, isKnown: boolean, isSecret: boolean, deps?: readonly unknown[], error?: Error) => void;

interface Settled {
  readonly value: unknown;
  readonly isKnown: boolean;
  readonly isSecret: boolean;
  readonly deps: readonly unknown[];
}

function ignore(): void {}
