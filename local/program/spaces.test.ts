/** FluxStudio's bucket: created by the program, served by the local API, and used with the variables of the app itself. */
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { findProject, programOf } from "../../engine/project.ts";
import { toyState } from "../../engine/realize.testing.ts";
import { realize } from "../../engine/realize.ts";
import { readStack } from "../../engine/stackfile.ts";
import { startTestApi, type TestApi } from "../api/testing/api.ts";
import { sendToS3 } from "../api/testing/s3-client.ts";
import { resolveLaptopEnv } from "../apps/laptop-env.ts";
import { findAppNamed, resolveComponentEnv } from "../cloud/apps/app.ts";
import { readApp } from "../cloud/apps/apps.ts";

import { createBucket } from "../cloud/spaces/buckets.ts";
import { localCloudProvider } from "./provider.ts";

const project = findProject(fileURLToPath(new URL("../../", import.meta.url)));
const UPLOADS = { "slipway:postDeploy": '{"mode":"manual"}', "slipway:fluxstudio": '{"features":["uploads","ffmpeg"]}' };

describe("the bucket of FluxStudio on a laptop", () => {
  let test: TestApi;
  let app: string;

  beforeEach(async () => {
    test = await startTestApi();
    await realize(programOf(project), {
      ...readStack(project, "local", UPLOADS),
      directory: project.directory,
      state: toyState(),
      provider: localCloudProvider(test.cloud),
    });
    app = findAppNamed(test.cloud, "fluxstudio-local")!.id;
  });

  const envOf = (component: string) =>
    resolveLaptopEnv(resolveComponentEnv(test.cloud, app, component), { caFile: "/ca.pem", apiUrl: test.api.url });
  const s3 = (component: string, method: string, path: string, more: { body?: string; headers?: Record<string, string> } = {}) => {
    const { S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = envOf(component);
    return sendToS3(S3_ENDPOINT!, { method, path, ...more, key: { access_key: S3_ACCESS_KEY_ID!, secret_key: S3_SECRET_ACCESS_KEY! } });
  };

  it("takes a file of the backend, which the media worker reads", async () => {
    const { S3_BUCKET: bucket, S3_REGION } = envOf("api");
    expect({ bucket, S3_REGION }).toEqual({ bucket: "slipway-local-fluxstudio-uploads", S3_REGION: "nyc3" });
    expect((await s3("api", "PUT", `/${bucket}/a/photo.txt`, { body: "pixels", headers: { "content-type": "text/plain" } })).status).toBe(
      200,
    );
    expect(await s3("ffmpeg", "GET", `/${bucket}/a/photo.txt`)).toMatchObject({ status: 200, text: "pixels" });
    expect((await fetch(`${test.api.url}/${bucket}/a/photo.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256`)).status).toBe(403);
  });

  it("is all that its key opens", async () => {
    expect((await s3("api", "GET", "/")).status).toBe(403);
    createBucket(test.cloud, "other", "nyc3", "private");
    expect((await s3("api", "GET", "/other")).status).toBe(403);
    expect((await s3("api", "DELETE", `/${envOf("api").S3_BUCKET}`)).status).toBe(403);
  });

  it("allows a browser on a page of the app to upload, and no other page", async () => {
    const preflight = (origin: string) =>
      fetch(`${test.api.url}/${envOf("api").S3_BUCKET}/a/photo.txt`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "PUT", "access-control-request-headers": "content-type,x-amz-meta-by" },
      });
    const own = readApp(test.cloud, app).live_url!;
    const allowed = await preflight(own);
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(own);
    expect(allowed.headers.get("access-control-allow-headers")).toBe("content-type, x-amz-meta-by");
    expect((await preflight("https://other.example")).status).toBe(403);
    const sent = (origin: string) => s3("api", "GET", `/${envOf("api").S3_BUCKET}`, { headers: { origin } });
    expect((await sent(own)).headers["access-control-allow-origin"]).toBe(own);
    expect((await sent("https://other.example")).headers["access-control-allow-origin"]).toBeUndefined();
  });
});
