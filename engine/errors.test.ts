import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { ProgramError } from "./error.ts";
import { type Program, type RecordOptions, record } from "./record.ts";

class Group extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Group", name, {}, opts);
  }
}

const GROUP = "urn:pulumi:s::p::test:index:Group::group";

async function failureOf(program: Program, options: Partial<RecordOptions> = {}): Promise<ProgramError> {
  const outcome = await record(program, { project: "p", stack: "s", ...options }).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(ProgramError);
  return outcome as ProgramError;
}

describe("errors of a program", () => {
  it("reports a RunError with its message only", async () => {
    const error = await failureOf(() => {
      throw new pulumi.RunError("region: mars is no region");
    });
    expect(error.message).toBe("region: mars is no region");
    expect(error.urn).toBeUndefined();
  });

  it("reports a ResourceError with its resource", async () => {
    const error = await failureOf(function program() {
      throw new pulumi.ResourceError("too small", new Group("group"), true);
    });
    expect(error.problems).toEqual([{ message: "too small", urn: GROUP }]);
  });

  it("reports the full URN of a nested resource whose registration never ends", async () => {
    const error = await failureOf(function program() {
      const inner = new Group("inner", { parent: new Group("group"), dependsOn: pulumi.output(new Promise<Group>(() => {})) });
      throw new pulumi.ResourceError("too small", inner, true);
    });
    expect(error.urn).toBe("urn:pulumi:s::p::test:index:Group$test:index:Group::inner");
  });

  it("reports the source position of an unexpected error", async () => {
    const error = await failureOf(
      function program() {
        (undefined as unknown as { boom(): void }).boom();
      },
      { directory: import.meta.dirname },
    );
    expect(error.message).toMatch(/^TypeError: Cannot read properties of undefined.* \(errors\.test\.ts:\d+\)$/);
  });

  it("reports a rejected promise, and a thrown value that is not an Error", async () => {
    expect((await failureOf(() => Promise.reject("just a word"))).message).toBe("just a word");
  });

  it("reports an error inside an Output that is not awaited", async () => {
    const error = await failureOf(function program() {
      new Group("group").urn.apply(() => {
        throw new pulumi.RunError("inside apply");
      });
    });
    expect(error.message).toBe("inside apply");
  });

  it("reports an error inside an input once, although all dependents fail too", async () => {
    const error = await failureOf(function program() {
      const region = pulumi.output("nyc3").apply((): string => {
        throw new pulumi.RunError("no such region");
      });
      const vpc = new digitalocean.Vpc("net", { region });
      new digitalocean.Vpc("next", { region: "nyc3", description: vpc.id });
    });
    expect(error.problems).toEqual([{ message: "no such region" }]);
  });

  it("reports an error inside a timer", async () => {
    const error = await failureOf(async () => {
      setTimeout(() => {
        throw new pulumi.RunError("too late");
      });
      await new Promise(() => {});
    });
    expect(error.message).toBe("too late");
  });

  it("reports all errors of a run", async () => {
    const error = await failureOf(function program() {
      for (const name of ["one", "two"]) {
        new Group(name).urn.apply(() => {
          throw new pulumi.RunError(`${name} is wrong`);
        });
      }
    });
    expect(error.problems.map(({ message }) => message).sort()).toEqual(["one is wrong", "two is wrong"]);
  });

  it("reports an error in a transform, with the resource", async () => {
    const error = await failureOf(function program() {
      const transforms = [
        () => {
          throw new Error("not this one");
        },
      ];
      new digitalocean.Vpc("net", { region: "nyc3" }, { transforms });
    });
    expect(error.message).toMatch(/net \[digitalocean:index\/vpc:Vpc\].*not this one/);
  });

  it("masks a secret in an error's message", async () => {
    const error = await failureOf(
      () => {
        throw new pulumi.RunError(`"${new pulumi.Config().require("token")}" is too short`);
      },
      { config: { "p:token": "hush-hush" }, secretKeys: ["p:token"] },
    );
    expect(error.message).toBe('"[secret]" is too short');
  });

  it("keeps name, message, stack and cause of the original error, and no other property", async () => {
    const thrown = Object.assign(new TypeError("as it was", { cause: new Error("before") }), { request: { headers: "authorization" } });
    const { cause } = (await failureOf(() => Promise.reject(thrown))) as { cause: Error };
    expect(cause).toMatchObject({ name: "TypeError", message: "as it was", stack: thrown.stack, cause: { message: "before" } });
    expect(cause).not.toHaveProperty("request");
  });

  it("handles an error that is its own cause", async () => {
    const thrown: Error = new Error("round");
    thrown.cause = new Error("and round", { cause: thrown });
    expect((await failureOf(() => Promise.reject(thrown))).message).toMatch(/^round/);
  });

  it("reports values that cannot be converted to text", async () => {
    expect((await failureOf(() => Promise.reject(Object.create(null)))).message).toBe("a value that cannot be printed");
  });
});

describe("several recordings in one process", () => {
  const nap = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

  function whoAmI() {
    return async () => {
      const before = new pulumi.Config().require("name");
      await nap();
      new Group(`${before}-group`);
      const now = await promiseOf(pulumi.output(nap().then(() => "awake")).apply(() => new pulumi.Config().require("name")));
      pulumi.log.info(`I am ${now}`);
      return { before, now, stack: pulumi.getStack(), project: pulumi.getProject(), preview: pulumi.runtime.isDryRun() };
    };
  }

  function promiseOf(output: pulumi.Output<string>): Promise<string> {
    return new Promise((resolve) => void output.apply(resolve));
  }

  it("gives overlapping recordings their own settings, config, resources and messages", async () => {
    const names = ["ada", "bob", "cy"];
    const plans = await Promise.all(
      names.map((name, index) =>
        record(whoAmI(), { project: `p-${name}`, stack: `s-${name}`, config: { [`p-${name}:name`]: name }, preview: index !== 1 }),
      ),
    );
    for (const [index, name] of names.entries()) {
      expect(plans[index]).toMatchObject({
        outputs: { before: name, now: name, stack: `s-${name}`, project: `p-${name}`, preview: name !== "bob" },
        resources: [{ urn: `urn:pulumi:s-${name}::p-${name}::test:index:Group::${name}-group` }],
        messages: [{ text: `I am ${name}` }],
      });
    }
  });

  it("does not fail a recording when another one fails", async () => {
    const [good, bad] = await Promise.allSettled([
      record(whoAmI(), { project: "p", stack: "s", config: { "p:name": "ada" } }),
      failureOf(function program() {
        new Group("group").urn.apply(() => {
          throw new pulumi.RunError("only mine");
        });
      }),
    ]);
    expect(good).toMatchObject({ status: "fulfilled", value: { outputs: { now: "ada" } } });
    expect(bad).toMatchObject({ status: "fulfilled", value: { message: "only mine" } });
  });

  it("leaves no config or settings behind", async () => {
    await record(whoAmI(), { project: "p", stack: "s", config: { "p:name": "ada" } });
    const plan = await record(() => ({ name: new pulumi.Config().get("name") ?? "none" }), { project: "p", stack: "s" });
    expect(plan.outputs).toEqual({ name: "none" });
    expect(pulumi.runtime.hasMonitor()).toBe(false);
  });

  it("restores the process's listeners, and calls them for errors of no recording", async () => {
    const before = process.rawListeners("unhandledRejection");
    const received: unknown[] = [];
    const listener = (reason: unknown) => received.push(reason);
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", listener);
    // Created outside of any recording, rejected while one is in progress.
    let reject = (_reason: string): void => {};
    const outside = (async () => {
      await new Promise((_, fail) => {
        reject = fail;
      });
    })();
    expect(outside).toBeInstanceOf(Promise);
    setTimeout(() => reject("not yours"), 1);
    await record(() => nap().then(nap), { project: "p", stack: "s" });
    const after = process.rawListeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    for (const one of before) process.on("unhandledRejection", one as NodeJS.UnhandledRejectionListener);
    expect(received).toContain("not yours");
    expect(after).toEqual([listener]);
  });
});
