import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callDaemon, openControlServer } from "./control.ts";

describe("a call to the daemon", () => {
  let server: Awaited<ReturnType<typeof openControlServer>>;
  beforeAll(async () => {
    server = await openControlServer({
      double: ({ n }: { n: number }) => n * 2,
      fail: () => Promise.reject(new Error("no disk")),
    });
  });
  afterAll(() => server.close());

  it("returns the result of the method, or throws its error", async () => {
    expect(await callDaemon(server, "double", { n: 21 })).toBe(42);
    await expect(callDaemon(server, "fail")).rejects.toThrow("no disk");
  });

  it("is refused without the token, and for a method that does not exist", async () => {
    await expect(callDaemon({ ...server, token: "guess" }, "double", { n: 1 })).rejects.toThrow("wrong token");
    await expect(callDaemon(server, "constructor")).rejects.toThrow('the daemon has no method "constructor"');
  });

  it("fails with the command that starts the daemon if it does not run", async () => {
    await expect(callDaemon({ port: 1, token: "" }, "double")).rejects.toThrow(/does not answer .*Start it: slipway local up/);
  });
});
