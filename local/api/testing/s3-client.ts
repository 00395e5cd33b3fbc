/** An S3 client that signs requests, written from AWS's documentation of Signature Version 4, independently of the server. For tests only. */
import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";

export interface S3Key {
  readonly access_key: string;
  readonly secret_key: string;
}

export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** The bucket's host in a proxied request. */
  readonly host?: string;
  readonly key?: S3Key;
}

export interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export function sendToS3(
  apiUrl: string,
  { method = "GET", path, body = "", headers = {}, host, key }: Sent & { readonly key: S3Key },
): Promise<Got> {
  const url = new URL(apiUrl);
  const name = host ?? url.host;
  const all = { host: name, "x-amz-content-sha256": sha256(body), "x-amz-date": "20261121T000000Z", ...headers };
  const [pathname = "/", query = ""] = path.split("?");
  const signed = Object.keys(all).sort();
  const canonical = [
    method,
    pathname,
    query
      .split("&")
      .filter(Boolean)
      .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
      .sort()
      .join("&"),
    ...signed.map((header) => `${header}:${all[header as keyof typeof all]}`),
    "",
    signed.join(";"),
    all["x-amz-content-sha256"],
  ].join("\n");
  const scope = "20261121/us-east-1/s3/aws4_request";
  const hmac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();
  const signing = hmac(hmac(hmac(hmac(`AWS4${key.secret_key}`, "20261121"), "us-east-1"), "s3"), "aws4_request");
  const signature = hmac(signing, ["AWS4-HMAC-SHA256", "20261121T000000Z", scope, sha256(canonical)].join("\n")).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.access_key}/${scope}, SignedHeaders=${signed.join(";")}, Signature=${signature}`;
  return raw(url.port, method, host ? `http://${host}${path}` : path, { ...all, ...(key.access_key && { authorization }) }, body);
}

export const raw = (port: string, method: string, path: string, headers: Record<string, string>, body: string | Buffer) =>
  new Promise<Got>((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, method, path, headers: { ...headers, "content-length": String(Buffer.byteLength(body)) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString(), headers: response.headers }),
        );
      },
    );
    sent.on("error", reject).end(body);
  });

export const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
