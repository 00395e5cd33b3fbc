import type * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { describe, expect, it } from "vitest";
import { record } from "../engine/record.ts";
import { conflictMessage, explainConflicts, isConflict } from "./conflicts.ts";

it.each([
  "Error creating VPC: POST https://api.digitalocean.com/v2/vpcs: 422 name has already been taken",
  "Error creating App: POST https://api.digitalocean.com/v2/apps: 409 app name already exists",
  "Error creating database cluster: POST https://api.digitalocean.com/v2/databases: 422 cluster name is not available",
  "Error creating Project: POST https://api.digitalocean.com/v2/projects: 409 name is already in use",
  "Error creating Spaces bucket: BucketAlreadyOwnedByYou: status code: 409",
  "Error creating Spaces bucket: BucketAlreadyExists: status code: 409",
])("recognizes %s as a name that exists", (error) => {
  expect(isConflict(error)).toBe(true);
});

it.each([
  "POST https://api.digitalocean.com/v2/databases: 422 invalid size",
  "POST https://api.digitalocean.com/v2/apps: 401 Unable to authenticate you",
  "Can not delete VPC with members",
  "POST https://api.digitalocean.com/v2/databases: 422 size db-s-2vcpu-4gb is not available in nyc2",
  "POST https://api.digitalocean.com/v2/vpcs: 422 region is not available",
])("does not take %s for one", (error) => {
  expect(isConflict(error)).toBe(false);
});

it("ends its message with the command", () => {
  expect(conflictMessage("shop-vpc", "prod").split("\n").at(-1)).toBe("  npx slipway recover -s prod");
});

it("registers nothing in a recorded program, so a plan is as fast and as long as without it", () => {
  expect(explainConflicts("prod")).toEqual({});
});

describe("under an engine", () => {
  /** Reports failed operations to the hook of one resource, as the engine does. @returns the transformed types, and what was logged */
  async function logged(failures: readonly [operation: string, ...errors: string[]][], supportsErrorHooks = true) {
    const types: string[] = [];
    const plan = await record(
      async () => {
        const store = (
          state as unknown as { getStore(): { supportsErrorHooks?: boolean; settings: { options: { engineAddr?: string } } } }
        ).getStore();
        store.supportsErrorHooks = supportsErrorHooks;
        store.settings.options.engineAddr = "127.0.0.1:50051";
        const { transformations = [] } = explainConflicts("prod");
        const transform = (type: string) =>
          transformations.map((one) => one({ type, name: "x", props: { a: 1 }, opts: { protect: true }, resource: undefined as never }));
        for (const type of ["digitalocean:index/vpc:Vpc", "random:index/randomPassword:RandomPassword", "slipway:index:Network"]) {
          const [result] = transform(type);
          if (result === undefined) continue;
          types.push(type);
          expect(result).toMatchObject({ props: { a: 1 }, opts: { protect: true } });
          const [hook] = (result.opts.hooks as { onError: pulumi.ErrorHook[] }).onError;
          for (const [index, [failedOperation, ...errors]] of failures.entries())
            expect(await hook!.callback({ name: `shop-${index}`, failedOperation, errors } as never)).toBe(false);
        }
        delete store.settings.options.engineAddr;
      },
      { project: "p", stack: "prod" },
    );
    return { types, messages: plan.messages.map(({ severity, text }) => `${severity}: ${text}`) };
  }

  it("explains the first creation that fails because a name is taken, and tries nothing again", async () => {
    const taken = "409 app name already exists";
    const { types, messages } = await logged([
      ["update", taken],
      ["create", "422 invalid size"],
      ["create", "500", taken],
      ["create", taken],
    ]);
    expect(types).toEqual(["digitalocean:index/vpc:Vpc"]);
    expect(messages).toEqual([`error: ${conflictMessage("shop-2", "prod")}`]);
  });

  it("registers nothing with an engine that has no error hooks", async () => {
    expect((await logged([], false)).types).toEqual([]);
  });
});
