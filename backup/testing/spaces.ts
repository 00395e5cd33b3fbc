/** slipway's own Spaces: an S3 server with signatures, multipart uploads and versions. */
import { startApi } from "../../local/api/server.ts";
import { sendToS3 } from "../../local/api/testing/s3-client.ts";
import { openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { temporaryFolder } from "./fixture.ts";

export const KEY = { access_key: "owner", secret_key: "owner-secret" };
export const STORE_KEY = `${KEY.access_key}:${KEY.secret_key}`;

export interface Spaces {
  readonly url: string;
  close(): Promise<void>;
}

export async function startSpaces(buckets: readonly string[]): Promise<Spaces> {
  const spacesKey = { accessKey: KEY.access_key, secretKey: KEY.secret_key };
  const cloud = await openCloud({ backing: recordOnly, directory: temporaryFolder(), spacesKey });
  const api = await startApi({ cloud, token: "a token for tests" });
  for (const bucket of buckets) await sendToS3(api.url, { key: KEY, method: "PUT", path: `/${bucket}` });
  return {
    url: api.url,
    async close() {
      await api.close();
      await cloud.close();
    },
  };
}

export const addressOf = (url: string, place: string): string => `s3://${place}?region=nyc3&endpoint=${encodeURIComponent(url)}`;
