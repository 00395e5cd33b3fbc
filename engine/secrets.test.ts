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

describe("a secret that is no config", () => {
  it("is not told by an error, where pulumi.secret made it", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw new Error(`cannot use ${HUSH}`);
    });
    expect(error.message).toMatch(/^cannot use \[secret\]/);
  });

  it("is not told by an error, where it was made within others", async () => {
    const error = await failureOf(() => {
      pulumi.secret({ list: [{ deep: HUSH }], port: 5432 });
      throw new Error(`cannot use ${HUSH} at port 5432`);
    });
    expect(error.message).toMatch(/^cannot use \[secret\] at port 5432/);
  });

  it("is not told where it was read out of what is made of secrets", async () => {
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

  it("is not told where a provider answered it", async () => {
    const error = await failureOf(async function program() {
      const password = new random.RandomPassword("password", { length: 14 });
      throw new Error(`${await promiseOf(password.result)} is weak`);
    }, answered);
    expect(error.message).toMatch(/^\[secret\] is weak/);
  });

  it("is not told by a message, nor by a plan that repeats it", async () => {
    const plan = await planOf(async function program() {
      const text = await promiseOf(new random.RandomPassword("password", { length: 14 }).result);
      pulumi.log.warn(`made ${text}`);
      new pulumi.ComponentResource("t:i:T", `named-${text}`, { plain: text, [text]: 1 });
      return { [`out-${text}`]: Buffer.from(`user:${text}`).toString("base64") };
    }, answered);
    expect(plan.messages).toMatchObject([{ text: "made [secret]", held: [HUSH] }]);
    const shown = stableJson(mask(plan));
    expect(shown).toContain("named-[secret]");
    for (const form of [HUSH, "hush", "aHVzaC"]) expect(shown).not.toContain(form);
    expect(mask(plan).messages[0]).not.toHaveProperty("held");
    expect(mask(plan)).not.toHaveProperty("secrets");
  });

  it("is not told where a function answered it", async () => {
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

describe("what was thrown", () => {
  it("tells neither in its words nor by a resource's name", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw new pulumi.ResourceError(`${HUSH} is taken`, new pulumi.ComponentResource("t:i:T", `n-${HUSH}`), true);
    });
    expect(error.problems).toEqual([{ message: "[secret] is taken", urn: "urn:pulumi:s::p::t:i:T::n-[secret]" }]);
  });

  it("holds no secret in what it carries on: cause, stack, properties", async () => {
    const error = await failureOf(() => {
      pulumi.secret(HUSH);
      throw Object.assign(new Error("refused", { cause: new Error(`by ${HUSH}`) }), { headers: { authorization: `Bearer ${HUSH}` } });
    });
    expect(inspect(error, { depth: 10 })).not.toContain(HUSH);
    expect(inspect(error, { depth: 10 })).toContain("by [secret]");
    expect((error.cause as Error).stack).toContain("secrets.test.ts");
  });

  it("may be a word, a thing that is no Error, several errors, or one that shows nothing of itself", async () => {
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

  it("are found where a number is secret, from three digits on by itself, from six inside of an object", async () => {
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

  it("are found where a key is somebody's and not the name of a field", async () => {
    expect(await textsOf({ "user-9f8a@example.com": true, client_secret: true })).toEqual([
      ...["pin 48151623", 48151623, "4711", 4711, 5432, "[secret]", "client_secret", true],
    ]);
  });

  it("are found inside of JSON that is secret as a text", async () => {
    expect(await textsOf(JSON.stringify({ pins: [48151623] }))).toEqual(await textsOf(48151623));
  });

  it("are not found where a yes or a no is secret: that says too little, and stands everywhere", async () => {
    expect(await textsOf(true)).toContain(true);
  });
});

describe("a program text and an asset", () => {
  it("are looked for where they are secret as a whole", async () => {
    const plan = await planOf(function program() {
      new pulumi.ComponentResource("t:i:T", "file", { file: pulumi.secret(new pulumi.asset.StringAsset(HUSH)), plain: HUSH });
    });
    expect(mask(plan).resources[0]?.inputs).toEqual({ file: "[secret]", plain: "[secret]" });
  });

  it("are shown by a hash from which no secret inside of them can be guessed", async () => {
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

describe("what the program prints", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("comes without secrets, on stderr, also what it printed before they were known", async () => {
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

  it("comes, too, when the program fails; what others print passes by", async () => {
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

  it("comes without secrets also after the program has ended", async () => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    let later = Promise.resolve();
    await planOf(function program() {
      pulumi.secret(HUSH);
      later = new Promise((resolve) => setTimeout(resolve, 20)).then(() => void process.stdout.write(`later ${HUSH}\n`));
    });
    await later;
    expect(err.mock.calls.map(([text]) => text)).toEqual(["later [secret]\n"]);
  });

  it("is cut where it never ends", async () => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await planOf(() => {
      for (let line = 0; line < 5000; line++) process.stdout.write(`${"x".repeat(99)}\n`);
    });
    const printed = String(err.mock.calls[0]?.[0]);
    expect(printed.length).toBeLessThan(300_000);
    expect(printed).toMatch(/\(237856 more characters that the program printed are left out\)\n$/);
  });
});
