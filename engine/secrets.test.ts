import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ProgramError } from "./error.ts";
import { mask, stableJson } from "./mask.ts";
import { type Plan, Secret } from "./plan.ts";
import { type Program, type RecordOptions, record } from "./record.ts";

const HUSH = "hush-hush/4711";

function planOf(program: Program, options: Partial<RecordOptions> = {}): Promise<Plan> {
  return record(program, { project: "p", stack: "s", ...options });
}

async function failureOf(program: Program, options: Partial<RecordOptions> = {}): Promise<ProgramError> {
  return (await planOf(program, options).then(
    () => expect.fail("the program did not fail"),
    (error: unknown) => error,
  )) as ProgramError;
}

function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => void output.apply(resolve as never));
}

const answered: Partial<RecordOptions> = { preview: false, outputs: ({ name }) => ({ id: name, result: HUSH, bcryptHash: "none" }) };

describe("a secret from outside the config", () => {
  it("is masked in an error, after pulumi.secret", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw new Error(`cannot use ${HUSH}`);
    });
    expect(error.message).toMatch(/^cannot use \[secret\]/);
  });

  it("is masked in an error, inside a larger secret value", async () => {
    const error = await failureOf(() => {
      pulumi.secret({ list: [{ deep: HUSH }], port: 5432 });
      throw new Error(`cannot use ${HUSH} at port 5432`);
    });
    expect(error.message).toMatch(/^cannot use \[secret\] at port 5432/);
  });

  it("is masked after the program reads a value derived from secrets", async () => {
    const error = await failureOf(() => {
      const made = pulumi
        .all([pulumi.secret(HUSH), "digitalocean"])
        .apply(([text, cloud]) => `${text.split("").reverse().join("")}@${cloud}`);
      made.apply((text) => {
        throw new pulumi.RunError(`${text} is too long for digitalocean`);
      });
    });
    expect(error.message).toBe("[secret] is too long for digitalocean");
  });

  it("is masked when a provider returns it", async () => {
    const error = await failureOf(async function program() {
      const password = new random.RandomPassword("password", { length: 14 });
      throw new Error(`${await promiseOf(password.result)} is weak`);
    }, answered);
    expect(error.message).toMatch(/^\[secret\] is weak/);
  });

  it("is masked in log messages, and everywhere in a plan", async () => {
    const plan = await planOf(async function program() {
      const text = await promiseOf(new random.RandomPassword("password", { length: 14 }).result);
      pulumi.log.warn(`made ${text}`);
      new pulumi.ComponentResource("t:i:T", `named-${text}`, { plain: text, [text]: 1 });
      return { [`out-${text}`]: Buffer.from(`user:${text}`).toString("base64") };
    }, answered);
    expect(plan.messages).toMatchObject([{ text: "made [secret]" }]);
    const shown = stableJson(mask(plan));
    expect(shown).toContain("named-[secret]");
    for (const form of [HUSH, "hush", "aHVzaC"]) expect(shown).not.toContain(form);
    expect(mask(plan)).not.toHaveProperty("secrets");
  });

  it("is masked when a provider function returns it", async () => {
    const error = await failureOf(
      async function program() {
        const { value } = await promiseOf(pulumi.runtime.invokeOutput<{ value: string }>("t:i:get", {}));
        throw new Error(`${value} it was`);
      },
      { invokes: () => ({ value: new Secret(HUSH) }) },
    );
    expect(error.message).toMatch(/^\[secret\] it was/);
  });
});

describe("a thrown error", () => {
  it("has no secret in its message or in a resource's name", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw new pulumi.ResourceError(`${HUSH} is taken`, new pulumi.ComponentResource("t:i:T", `n-${HUSH}`), true);
    });
    expect(error.problems).toEqual([{ message: "[secret] is taken", urn: "urn:pulumi:s::p::t:i:T::n-[secret]" }]);
  });

  it("has no secret in its cause, stack or properties", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw Object.assign(new Error("refused", { cause: new Error(`by ${HUSH}`) }), { headers: { authorization: `Bearer ${HUSH}` } });
    });
    expect(inspect(error, { depth: 10 })).not.toContain(HUSH);
    expect(inspect(error, { depth: 10 })).toContain("by [secret]");
    expect((error.cause as Error).stack).toContain("secrets.test.ts");
  });

  it("can be a text, a value that is not an Error, several errors, or one that hides its content", async () => {
    const sly = { [inspect.custom]: () => "fine", toString: () => HUSH };
    for (const thrown of [HUSH, { token: HUSH }, sly, new AggregateError([new Error(HUSH)]), new Error("sly", { cause: sly })]) {
      const error = await failureOf(() => {
        pulumi.secret(HUSH);
        return Promise.reject(thrown);
      });
      expect(inspect(error, { depth: 10, customInspect: false, getters: true })).not.toContain(HUSH);
    }
  });
});

describe("numbers, keys and short texts", () => {
  const textsOf = async (secret: unknown) => {
    const plan = await planOf(function program() {
      return {
        secret: pulumi.secret(secret),
        plain: ["pin 48151623", 48151623, "4711", 4711, 5432, "user-9f8a@example.com", "client_secret", true],
      };
    });
    return mask(plan).outputs.plain;
  };

  it("are masked when a number is secret: from three digits alone, from six inside an object", async () => {
    expect(await textsOf(48151623)).toEqual([
      "pin [secret]",
      "[secret]",
      "4711",
      4711,
      5432,
      "user-9f8a@example.com",
      "client_secret",
      true,
    ]);
    expect(await textsOf(4711)).toEqual([
      "pin 48151623",
      48151623,
      "[secret]",
      "[secret]",
      5432,
      "user-9f8a@example.com",
      "client_secret",
      true,
    ]);
    expect(await textsOf({ pin: 48151623, port: 5432 })).toEqual([
      ...["pin [secret]", "[secret]", "4711", 4711, 5432, "user-9f8a@example.com", "client_secret", true],
    ]);
  });

  it("are masked when a key is personal data and not a field name", async () => {
    expect(await textsOf({ "user-9f8a@example.com": true, client_secret: true })).toEqual([
      ...["pin 48151623", 48151623, "4711", 4711, 5432, "[secret]", "client_secret", true],
    ]);
  });

  it("are masked inside JSON that is secret as a text", async () => {
    expect(await textsOf(JSON.stringify({ pins: [48151623] }))).toEqual(await textsOf(48151623));
  });

  it("are not masked when the secret is a boolean, which appears everywhere", async () => {
    expect(await textsOf(true)).toContain(true);
  });
});

describe("a program text and an asset", () => {
  it("are masked when they are secret as a whole", async () => {
    const plan = await planOf(function program() {
      new pulumi.ComponentResource("t:i:T", "file", { file: pulumi.secret(new pulumi.asset.StringAsset(HUSH)), plain: HUSH });
    });
    expect(mask(plan).resources[0]?.inputs).toEqual({ file: "[secret]", plain: "[secret]" });
  });

  it("are shown as a hash that does not depend on the secrets inside", async () => {
    const shown = async (pin: string) => {
      const plan = await planOf(
        function program() {
          const file = new pulumi.asset.StringAsset(`pin ${pin}`);
          new pulumi.ComponentResource("t:i:T", "step", { __provider: `exports.pin = "${pin}"`, file, other: pulumi.secret(pin) });
        },
        { config: {}, secretKeys: [] },
      );
      return mask(plan).resources[0]?.inputs;
    };
    expect(await shown("pin-4711")).toEqual(await shown("pin-1234"));
  });
});

describe("output of the program", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("is printed on stderr with secrets masked, also those that were not known yet", async () => {
    const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write").mockReturnValue(true)];
    const shown = vi.fn();
    await planOf(function program() {
      process.stdout.write(`one ${HUSH}\n`);
      process.stderr.write(Buffer.from(`two ${HUSH}\n`), shown);
      pulumi.secret(HUSH);
    });
    expect(err.mock.calls.map(([text]) => text)).toEqual(["one [secret]\ntwo [secret]\n"]);
    expect(out).not.toHaveBeenCalled();
    expect(shown).toHaveBeenCalledOnce();
  });

  it("is printed when the program fails; other output is not captured", async () => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const failing = failureOf(async () => {
      process.stderr.write("mine\n");
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error("no");
    });
    process.stderr.write("another's\n");
    await failing;
    expect(err.mock.calls.map(([text]) => text)).toEqual(["another's\n", "mine\n"]);
  });

  it("is masked after the program has ended too", async () => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    let later = Promise.resolve();
    await planOf(function program() {
      pulumi.secret(HUSH);
      later = new Promise((resolve) => setTimeout(resolve, 20)).then(() => void process.stdout.write(`later ${HUSH}\n`));
    });
    await later;
    expect(err.mock.calls.map(([text]) => text)).toEqual(["later [secret]\n"]);
  });

  it("is truncated when it is very long", async () => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await planOf(() => {
      for (let line = 0; line < 5000; line++) process.stdout.write(`${"x".repeat(99)}\n`);
    });
    const printed = String(err.mock.calls[0]?.[0]);
    expect(printed.length).toBeLessThan(300_000);
    expect(printed).toMatch(/\(237856 more characters of the program's output are omitted\)\n$/);
  });
});
