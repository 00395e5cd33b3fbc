import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { record } from "../engine/record.ts";
import { type Api, startApi } from "../local/api/server.ts";
import { type Cloud, openCloud } from "../local/cloud/open-cloud.ts";
import { recordOnly } from "../local/cloud/record-only.ts";
import { problemWith, verifyLocalApi } from "./local-api.ts";

interface EngineOptions {
  engineAddr?: string;
  rootDirectory?: string;
}

let root: string;
let cloud: Cloud;
let stranger: Server;
const apis: Api[] = [];

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "slipway project ")));
  cloud = await openCloud({ directory: join(root, "cloud"), backing: recordOnly });
  for (const project of [root, tmpdir(), undefined]) apis.push(await startApi({ cloud, token: "secret", ...(project && { project }) }));
  stranger = createServer((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const api of apis) await api.close();
  await cloud.close();
  stranger.close();
  rmSync(root, { recursive: true, force: true });
});

const up = () => ({ root, stack: "local", isPreview: false });
const preview = () => ({ ...up(), isPreview: true });

describe("the API that stack local names", () => {
  it("is accepted where it belongs to this project, without a token, and with a slash at its end too", async () => {
    for (const endpoint of [apis[0]!.url, `${apis[0]!.url}/`])
      expect([await problemWith(endpoint, up()), await problemWith(endpoint, preview())]).toEqual([undefined, undefined]);
  });

  it("names its project without a token, by a path and a header that programs of other versions know", async () => {
    const answer = await fetch(new URL("/_slipway/project", apis[0]!.url));
    expect(answer.status).toBe(204);
    expect(answer.headers.get("x-slipway-project")).toMatch(/^[0-9a-f]{16}$/);
  });

  it("is asked only under Pulumi's engine, and for no other environment", async () => {
    const other = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const verified = (environment: "local" | "staging", engineAddr: string | undefined, endpoint = other) =>
      record(
        async () => {
          const { options } = (state as unknown as { getStore(): { settings: { options: EngineOptions } } }).getStore().settings;
          if (engineAddr !== undefined) Object.assign(options, { engineAddr, rootDirectory: root });
          await verifyLocalApi({ environment, stack: "local" });
        },
        { project: "p", stack: "local", config: { "digitalocean:apiEndpoint": endpoint } },
      );
    await verified("local", undefined);
    await verified("staging", "127.0.0.1:50051");
    await verified("local", "127.0.0.1:50051", apis[0]!.url);
    await expect(verified("local", "127.0.0.1:50051")).rejects.toThrow("is not a local API of slipway");
  });

  it("is refused where it belongs to another project, or to none, under up and under preview", async () => {
    const other = "is the local API of another project, and nothing was changed in it";
    const none = "is not a local API of slipway, and nothing was changed in it";
    const { port } = stranger.address() as AddressInfo;
    for (const [endpoint, why] of [
      [apis[1]!.url, other],
      [apis[2]!.url, none],
      [`http://127.0.0.1:${port}`, none],
    ] as const)
      for (const run of [up(), preview()])
        expect(await problemWith(endpoint, run)).toMatch(
          new RegExp(`^What answers at ${endpoint} .* ${why}[\\s\\S]*pulumi config set digitalocean:apiEndpoint`),
        );
  });

  it("has to answer for up, and not for a preview", async () => {
    for (const endpoint of ["http://127.0.0.1:1", "no address"]) {
      expect(await problemWith(endpoint, up())).toMatch(/^No API answers at .* Start it: npx slipway local up, or npx slipway local api$/);
      expect(await problemWith(endpoint, preview())).toBeUndefined();
    }
  });

  it("has to be named: the provider would reach DigitalOcean itself", async () => {
    for (const endpoint of [undefined, ""])
      expect(await problemWith(endpoint, preview())).toMatch(
        /would reach DigitalOcean itself\. Type:\n {2}pulumi config set digitalocean:apiEndpoint http:\/\/127\.0\.0\.1:4010 -s local$/,
      );
  });
});
