import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type S3Key, sendToS3 } from "../../local/api/testing/s3-client.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const BUCKET = "slipway-test-fluxstudio-uploads";
const CORS = "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration";

const config = {
  ...REPOS,
  "slipway:fluxstudio": {
    ...(REPOS["slipway:fluxstudio"] as object),
    features: ["uploads"],
    domains: { fluxstudio: "one.fluxstudio.art" },
  },
  "slipway:environment": "staging",
  "slipway:systems": ["fluxstudio"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-1gb", nodes: 1 },
  "slipway:backups": { enabled: false },
};

interface Env {
  readonly key: string;
  readonly value: string;
  readonly type?: string;
}

describeWithPulumi("the bucket of a stack under Pulumi's engine", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, { spaces: true });
  });
  afterAll(() => stack?.remove());

  /** One request to the bucket, with the key that the provider uses. */
  const ask = (path: string, key?: S3Key) => {
    const { SPACES_ACCESS_KEY_ID: access_key = "", SPACES_SECRET_ACCESS_KEY: secret_key = "" } = stack.environment;
    return sendToS3(stack.api, { path, host: `${BUCKET}.nyc3.digitaloceanspaces.test`, key: key ?? { access_key, secret_key } });
  };

  async function backend(): Promise<{ readonly id: string; readonly envs: Readonly<Record<string, Env>> }> {
    const { apps } = (await stack.get("/v2/apps")) as {
      apps: readonly [{ id: string; spec: { services: readonly { name: string; envs: readonly Env[] }[] } }];
    };
    const [{ id, spec }] = apps;
    return { id, envs: Object.fromEntries(spec.services.find(({ name }) => name === "api")!.envs.map((env) => [env.key, env])) };
  }

  it("comes up private and versioned, and its name, endpoint and key reach the backend", async () => {
    await stack.succeed("up", "--yes", "--skip-preview");
    expect((await ask("/?versioning")).text).toContain("<Status>Enabled</Status>");
    expect((await ask("/?acl")).text).not.toContain("AllUsers");
    const { id, envs } = await backend();
    expect(envs.S3_BUCKET).toMatchObject({ value: BUCKET });
    expect(envs.S3_ENDPOINT?.value).toMatch(/^https:\/\/nyc3\./);
    const plain = (name: string) => {
      expect(envs[name]).toMatchObject({ type: "SECRET", value: expect.stringMatching(/^EV\[1:/) });
      return stack.decrypt(id, envs[name]!.value)!;
    };
    const key = { access_key: plain("S3_ACCESS_KEY_ID"), secret_key: plain("S3_SECRET_ACCESS_KEY") };
    expect((await ask("/", key)).status).toBe(200);
    expect((await ask("/", { ...key, secret_key: "another" })).status).toBe(403);
    const { keys } = (await stack.get("/v2/spaces/keys")) as { keys: readonly { access_key: string; grants: readonly object[] }[] };
    expect(keys.find(({ access_key }) => access_key === key.access_key)?.grants).toEqual([{ bucket: BUCKET, permission: "readwrite" }]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("changes the allowed origin in place when the domain of the app changes", async () => {
    expect((await ask("/?cors")).text).toContain("<AllowedOrigin>https://one.fluxstudio.art</AllowedOrigin>");
    const before = await backend();
    await stack.succeed("config", "set", "--path", "slipway:fluxstudio.domains.fluxstudio", "two.fluxstudio.art");
    const { steps } = JSON.parse(await stack.succeed("preview", "--json")) as { steps: readonly { op: string; urn: string }[] };
    const changes = steps.filter(({ op, urn }) => op !== "same" && /spaces/i.test(urn));
    expect(changes.map(({ op, urn }) => [op, urn.split("::")[2]?.split("$").at(-1)])).toEqual([["update", CORS]]);
    await stack.succeed("up", "--yes", "--skip-preview");
    const { text } = await ask("/?cors");
    expect(text).toContain("<AllowedOrigin>https://two.fluxstudio.art</AllowedOrigin>");
    expect(text).not.toContain("one.fluxstudio.art");
    const after = await backend();
    expect(stack.decrypt(after.id, after.envs.S3_SECRET_ACCESS_KEY!.value)).toBe(
      stack.decrypt(before.id, before.envs.S3_SECRET_ACCESS_KEY!.value),
    );
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("gets a new key from slipway rotate keys: the key of the deployment that runs works at every moment, and the old one is deleted", async () => {
    const keyIn = async (): Promise<S3Key> => {
      const { apps } = (await stack.get("/v2/apps")) as {
        apps: readonly [{ id: string; active_deployment: { spec: { services: readonly { name: string; envs: readonly Env[] }[] } } }];
      };
      const [{ id, active_deployment: active }] = apps;
      const envs = Object.fromEntries(active.spec.services.find(({ name }) => name === "api")!.envs.map((env) => [env.key, env.value]));
      return { access_key: stack.decrypt(id, envs.S3_ACCESS_KEY_ID!)!, secret_key: stack.decrypt(id, envs.S3_SECRET_ACCESS_KEY!)! };
    };
    const before = await keyIn();
    let isRotating = true;
    const refused: number[] = [];
    let requests = 0;
    const client = (async () => {
      while (isRotating) {
        const key = await keyIn();
        const { status } = await ask("/", key);
        requests++;
        // A key that was replaced between the two requests is asked for again.
        if (status !== 200 && (await keyIn()).access_key === key.access_key) refused.push(status);
        await sleep(20);
      }
    })();
    const { code, output } = await stack.slipway("rotate", "keys", "--stack", "test");
    isRotating = false;
    await client;
    expect(code, output).toBe(0);
    expect(output).toMatch(/1 key of buckets was replaced: \S+-\d{4}-\d\d-\d\d\. The old ones are deleted\./);
    expect(requests).toBeGreaterThan(20);
    expect(refused).toEqual([]);
    const after = await keyIn();
    expect(after.access_key).not.toBe(before.access_key);
    expect([(await ask("/", before)).status, (await ask("/", after)).status]).toEqual([403, 200]);
    const { keys } = (await stack.get("/v2/spaces/keys")) as { keys: readonly { access_key: string; grants: readonly object[] }[] };
    expect(keys.filter(({ grants }) => JSON.stringify(grants).includes(BUCKET)).map(({ access_key }) => access_key)).toEqual([
      after.access_key,
    ]);
    await stack.succeed("preview", "--expect-no-changes");
    // On the same day there is nothing left to do.
    expect((await stack.slipway("rotate", "keys", "--stack", "test")).code).toBe(0);
    expect(await keyIn()).toEqual(after);
  });

  it("is protected: destroy refuses, of the stack and of the bucket with what depends on it, and deletes nothing", async () => {
    const { deployment } = JSON.parse(await stack.succeed("stack", "export")) as {
      deployment: { resources: readonly { urn: string; type: string; protect?: boolean }[] };
    };
    const spaces = deployment.resources.filter(({ type }) => /SpacesBucket$|SpacesKey$/.test(type));
    expect(spaces.map(({ type, protect }) => [type.split(":").at(-1), protect])).toEqual([
      ["SpacesBucket", true],
      ["SpacesKey", undefined],
    ]);
    stack.requests();
    for (const flags of [[], ["--target", spaces[0]!.urn, "--target-dependents"]]) {
      const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview", ...flags);
      expect(code, output).not.toBe(0);
      expect(output).toMatch(/cannot be deleted\s+because it is protected/);
    }
    expect(stack.requests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
    expect((await ask("/")).status).toBe(200);
  });
});
