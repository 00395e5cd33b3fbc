import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callDaemon, openControlServer } from "./control.ts";

describe("the line between the verbs and the daemon", () => {
  let line: Awaited<ReturnType<typeof openControlServer>>;
  beforeAll(async () => {
    line = await openControlServer({
      double: ({ n }: { n: number }) => n * 2,
      fail: () => Promise.reject(new Error("no disk")),
    });
  });
  afterAll(() => line.close());

  it("carries a question and its answer, and a failure in its own words", async () => {
    expect(await callDaemon(line, "double", { n: 21 })).toBe(42);
    await expect(callDaemon(line, "fail")).rejects.toThrow("no disk");
  });

  it("is closed to who has not read the token, and knows no method but its own", async () => {
    await expect(callDaemon({ ...line, token: "guess" }, "double", { n: 1 })).rejects.toThrow("wrong token");
    await expect(callDaemon(line, "constructor")).rejects.toThrow('the daemon knows no "constructor"');
  });

  it("says what to type where nobody is at the other end", async () => {
    await expect(callDaemon({ port: 1, token: "" }, "double")).rejects.toThrow(/does not answer .*Start it: slipway local up/);
  });
});
