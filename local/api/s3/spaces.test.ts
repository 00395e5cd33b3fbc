import { createHash, createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../testing/api.ts";
import { type Got, raw, type S3Key, type Sent, sendToS3, sha256 } from "../testing/s3-client.ts";
import { parseXml, textOf } from "./xml.ts";

/** The AWS SDK and boto3 were tested by hand. */
const OWNER: S3Key = { access_key: "owner", secret_key: "owner-secret" };
const start = () => startTestApi({ spacesKey: { accessKey: OWNER.access_key, secretKey: OWNER.secret_key } });
const send = ({ api }: TestApi, sent: Sent): Promise<Got> => sendToS3(api.url, { key: OWNER, ...sent });

const codeOf = ({ status, text }: Got) => `${status} ${text ? textOf(parseXml(text, "Error"), "Code") : ""}`.trim();
const put = (path: string, body: string | Buffer = "", headers: Record<string, string> = {}): Sent => ({
  method: "PUT",
  path,
  body,
  headers,
});
const keysIn = ({ text }: Got) => [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
const files = ({ directory }: TestApi) => readdirSync(join(directory, "objects"));

async function bucket(api: TestApi, name = "media") {
  expect((await send(api, put(`/${name}`))).status).toBe(200);
  return api;
}

describe("a bucket", () => {
  it("is created, read and deleted by the calls of the Terraform provider, through a proxy", async () => {
    const api = await start();
    const host = "media.nyc3.digitaloceanspaces.test";
    const sendToBucket = (method: string, path: string, more: Partial<Sent> = {}) => send(api, { method, path, host, ...more });
    expect((await sendToBucket("PUT", "/", { headers: { "x-amz-acl": "private" } })).status).toBe(200);
    expect((await sendToBucket("HEAD", "/")).status).toBe(200);
    expect((await sendToBucket("PUT", "/?acl", { headers: { "x-amz-acl": "public-read" } })).status).toBe(200);
    const versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    expect((await sendToBucket("PUT", "/?versioning", { body: versioning })).status).toBe(200);
    // The region comes from the host. Only this call has the bucket in its path.
    const location = await send(api, { path: "/media?location", host: "nyc3.digitaloceanspaces.test" });
    expect(parseXml(location.text, "LocationConstraint").text).toBe("nyc3");
    expect(textOf(parseXml((await sendToBucket("GET", "/?versioning")).text, "VersioningConfiguration"), "Status")).toBe("Enabled");
    expect(codeOf(await sendToBucket("GET", "/?lifecycle"))).toBe("404 NoSuchLifecycleConfiguration");
    expect(codeOf(await sendToBucket("GET", "/?cors"))).toBe("404 NoSuchCORSConfiguration");
    expect((await sendToBucket("DELETE", "/")).status).toBe(204);
    expect((await sendToBucket("HEAD", "/")).status).toBe(404);
    expect(codeOf(await sendToBucket("GET", "/"))).toBe("404 NoSuchBucket");
  });

  it("belongs to the default project, and a key can be limited to it", async () => {
    const api = await bucket(await start());
    const urns = (await api.call("GET", "/v2/projects/default/resources")).body.resources.map(({ urn }: { urn: string }) => urn);
    expect(urns).toEqual(["do:space:media"]);
    const grants = [{ bucket: "media", permission: "readwrite" }];
    const key = (await api.call("POST", "/v2/spaces/keys", { name: "app", grants })).body.key;
    expect((await send(api, { ...put("/media/a"), key })).status).toBe(200);
  });

  it("is rejected with an invalid name, region or rules, as a duplicate, and on deletion if not empty", async () => {
    const api = await bucket(await start());
    expect(codeOf(await send(api, put("/media")))).toBe("409 BucketAlreadyExists");
    expect(codeOf(await send(api, put("/Media")))).toBe("400 InvalidBucketName");
    expect(codeOf(await send(api, { method: "PUT", path: "/", host: "logs.xyz9.digitaloceanspaces.test" }))).toBe(
      "400 InvalidLocationConstraint",
    );
    expect(codeOf(await send(api, put("/other", "", { "x-amz-acl": "public-read-write" })))).toBe("400 InvalidArgument");
    expect(codeOf(await send(api, put("/media?versioning", "<VersioningConfiguration/>")))).toBe("400 MalformedXML");
    expect(codeOf(await send(api, put("/media?lifecycle", "<LifecycleConfiguration><Rule/></LifecycleConfiguration>")))).toBe(
      "400 MalformedXML",
    );
    expect(codeOf(await send(api, put("/media?cors", "<CORSConfiguration></CORSConfiguration>")))).toBe("400 MalformedXML");
    expect(codeOf(await send(api, put("/media?lifecycle", "<!DOCTYPE a><LifecycleConfiguration/>")))).toBe("400 MalformedXML");
    await send(api, put("/media/a", "1"));
    expect(codeOf(await send(api, { method: "DELETE", path: "/media" }))).toBe("409 BucketNotEmpty");
    expect(codeOf(await send(api, { method: "PATCH", path: "/media" }))).toBe("405 MethodNotAllowed");
  });

  it("stores its lifecycle and CORS rules until they are deleted", async () => {
    const api = await bucket(await start());
    const lifecycle =
      "<LifecycleConfiguration><Rule><ID>old &amp; gone</ID><Status>Enabled</Status><Filter><Prefix>tmp/</Prefix></Filter><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>";
    const cors =
      "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
    for (const [name, document] of [
      ["lifecycle", lifecycle],
      ["cors", cors],
    ] as const) {
      await send(api, put(`/media?${name}`, document));
      expect((await send(api, { path: `/media?${name}` })).text).toContain(document.replace(/^<\w+>/, ""));
      expect((await send(api, { method: "DELETE", path: `/media?${name}` })).status).toBe(204);
      expect((await send(api, { path: `/media?${name}` })).status).toBe(404);
    }
  });
});

describe("an object", () => {
  it("is returned as stored, with its content type and metadata, whole or in part", async () => {
    const api = await bucket(await start());
    const headers = { "content-type": "text/plain", "cache-control": "no-store", "x-amz-meta-author": "me" };
    const created = await send(api, put("/media/notes/hello.txt", "hello world", headers));
    const etag = `"${createHash("md5").update("hello world").digest("hex")}"`;
    expect([created.status, created.headers.etag]).toEqual([200, etag]);
    const read = await send(api, { path: "/media/notes/hello.txt" });
    expect([read.text, read.headers["content-length"]]).toEqual(["hello world", "11"]);
    expect(read.headers).toMatchObject({ ...headers, etag });
    const part = await send(api, { path: "/media/notes/hello.txt", headers: { range: "bytes=6-" } });
    expect([part.status, part.text, part.headers["content-range"]]).toEqual([206, "world", "bytes 6-10/11"]);
    expect((await send(api, { path: "/media/notes/hello.txt", headers: { range: "bytes=-5" } })).text).toBe("world");
    expect(codeOf(await send(api, { path: "/media/notes/hello.txt", headers: { range: "bytes=11-" } }))).toBe("416 InvalidRange");
    expect((await send(api, { path: "/media/notes/hello.txt", headers: { "if-none-match": etag } })).status).toBe(304);
    const head = await send(api, { method: "HEAD", path: "/media/notes/hello.txt" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "11"]);
  });

  it("may have any key: no key leads out of the bucket", async () => {
    const api = await bucket(await start());
    const keys = ["../../etc/passwd", "..", "a/../b", "/absolute", "ü <&> ☃", "a b+c", "%2e%2e", "con", "x".repeat(1024)];
    const path = (key: string) =>
      `/media/${encodeURIComponent(key).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
    for (const key of keys) expect((await send(api, put(path(key), key))).status).toBe(200);
    for (const key of keys) expect((await send(api, { path: path(key) })).text).toBe(key);
    expect(files(api)).toHaveLength(keys.length);
    expect(files(api).every((file) => /^[0-9a-f-]{36}$/.test(file))).toBe(true);
    expect(codeOf(await send(api, put(path("x".repeat(1025)), "")))).toBe("400 KeyTooLongError");
  });

  it("is replaced and deleted with its content, and deleting an unknown key succeeds", async () => {
    const api = await bucket(await start());
    await send(api, put("/media/a", "1"));
    await send(api, put("/media/a", "2"));
    expect((await send(api, { path: "/media/a" })).text).toBe("2");
    expect(files(api)).toHaveLength(1);
    for (let round = 0; round < 2; round++) expect((await send(api, { method: "DELETE", path: "/media/a" })).status).toBe(204);
    expect(codeOf(await send(api, { path: "/media/a" }))).toBe("404 NoSuchKey");
    expect(files(api)).toEqual([]);
  });

  it("is rejected if its length or digest is wrong, and leaves no file", async () => {
    const api = await bucket(await start());
    const md5 = createHash("md5").update("another").digest("base64");
    expect(codeOf(await send(api, put("/media/a", "1", { "content-md5": md5 })))).toBe("400 BadDigest");
    expect(codeOf(await send(api, put("/media/a", "1", { "x-amz-content-sha256": sha256("2") })))).toBe("400 XAmzContentSHA256Mismatch");
    expect(codeOf(await send(api, put("/media/a", "1", { "x-amz-decoded-content-length": "5" })))).toBe("400 IncompleteBody");
    expect(codeOf(await send(api, put("/nowhere/a", "1")))).toBe("404 NoSuchBucket");
    expect(files(api)).toEqual([]);
  });

  it("can be uploaded in signed chunks, like the AWS SDK", async () => {
    const api = await bucket(await start());
    const body =
      "5;chunk-signature=abc\r\nhello\r\n6;chunk-signature=def\r\n world\r\n0;chunk-signature=ghi\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
    const headers = {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "content-encoding": "aws-chunked",
      "x-amz-decoded-content-length": "11",
    };
    expect((await send(api, put("/media/a", body, headers))).status).toBe(200);
    const read = await send(api, { path: "/media/a" });
    expect([read.text, read.headers["content-encoding"]]).toEqual(["hello world", undefined]);
  });

  it("can be copied with its own or with new metadata, by a key that may read it", async () => {
    const api = await bucket(await bucket(await start()), "archive");
    await send(api, put("/media/a%20b", "1", { "x-amz-meta-author": "me" }));
    expect((await send(api, put("/archive/a", "", { "x-amz-copy-source": "/media/a%20b" }))).text).toContain("<CopyObjectResult");
    expect((await send(api, { path: "/archive/a" })).headers["x-amz-meta-author"]).toBe("me");
    const key = (await api.call("POST", "/v2/spaces/keys", { name: "archive", grants: [{ bucket: "archive", permission: "readwrite" }] }))
      .body.key;
    expect(codeOf(await send(api, { ...put("/archive/b", "", { "x-amz-copy-source": "/media/a%20b" }), key }))).toBe("403 AccessDenied");
  });

  it("keeps its versions if versioning is enabled, including delete markers", async () => {
    const api = await bucket(await start());
    await send(api, put("/media/a", "before"));
    await send(api, put("/media?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"));
    const first = (await send(api, put("/media/a", "one"))).headers["x-amz-version-id"];
    const second = (await send(api, put("/media/a", "two"))).headers["x-amz-version-id"];
    expect((await send(api, { path: "/media/a" })).text).toBe("two");
    expect((await send(api, { path: `/media/a?versionId=${first}` })).text).toBe("one");
    expect((await send(api, { path: "/media/a?versionId=null" })).text).toBe("before");
    expect((await send(api, { method: "DELETE", path: "/media/a" })).headers["x-amz-delete-marker"]).toBe("true");
    expect(codeOf(await send(api, { path: "/media/a" }))).toBe("404 NoSuchKey");
    const listed = (await send(api, { path: "/media?versions" })).text;
    expect([...listed.matchAll(/<(Version|DeleteMarker)>.*?<IsLatest>(\w+)</g)].map(([, kind, latest]) => `${kind} ${latest}`)).toEqual([
      "DeleteMarker true",
      "Version false",
      "Version false",
      "Version false",
    ]);
    const page = (await send(api, { path: "/media?versions&max-keys=2" })).text;
    expect(page).toContain(`<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>${second}</NextVersionIdMarker>`);
    const rest = (await send(api, { path: `/media?versions&key-marker=a&version-id-marker=${second}` })).text;
    expect([...rest.matchAll(/<VersionId>([^<]+)</g)].map(([, id]) => id)).toEqual([first, "null"]);
    expect((await send(api, { path: "/media" })).text).not.toContain("<Contents>");
    const several = `<Delete>${[...listed.matchAll(/<VersionId>([^<]+)</g)].map(([, id]) => `<Object><Key>a</Key><VersionId>${id}</VersionId></Object>`).join("")}</Delete>`;
    expect((await send(api, { method: "POST", path: "/media?delete", body: several })).text.match(/<Deleted>/g)).toHaveLength(4);
    expect((await send(api, { method: "DELETE", path: "/media" })).status).toBe(204);
    expect(files(api)).toEqual([]);
  });
});

describe("a list of objects", () => {
  it("is sorted, filtered by prefix, grouped by delimiter, and paginated", async () => {
    const api = await bucket(await start());
    for (const key of ["b/2", "a", "b/1", "c/1", "B", "d", "%C3%BC%26"]) await send(api, put(`/media/${key}`, "1"));
    expect(keysIn(await send(api, { path: "/media?list-type=2" }))).toEqual(["B", "a", "b/1", "b/2", "c/1", "d", "ü&amp;"]);
    expect(keysIn(await send(api, { path: "/media?list-type=2&encoding-type=url&prefix=%C3%BC" }))).toEqual(["%C3%BC%26"]);
    expect(keysIn(await send(api, { path: "/media?prefix=b%2F" }))).toEqual(["b/1", "b/2"]);
    expect(keysIn(await send(api, { path: "/media?marker=b%2F1&max-keys=2" }))).toEqual(["b/2", "c/1"]);

    const pages: string[] = [];
    let token = "";
    do {
      const { text } = await send(api, { path: `/media?${token && `continuation-token=${token}&`}delimiter=%2F&list-type=2&max-keys=2` });
      pages.push(
        [...text.matchAll(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)</g)]
          .map(([, name]) => name)
          .sort()
          .join(" "),
      );
      token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1] ?? "";
    } while (token);
    expect(pages).toEqual(["B a", "b/ c/", "d ü&amp;"]);
    expect(codeOf(await send(api, { path: "/media?max-keys=many" }))).toBe("400 InvalidArgument");
  });
});

describe("a multipart upload", () => {
  const FIVE_MIB = Buffer.alloc(5 * 1024 * 1024, "x");
  const started = async (api: TestApi) => {
    const { text } = await send(api, { method: "POST", path: "/media/big?uploads", headers: { "content-type": "text/plain" } });
    return textOf(parseXml(text, "InitiateMultipartUploadResult"), "UploadId")!;
  };
  const part = (number: number, body: Buffer | string, id: string) => put(`/media/big?partNumber=${number}&uploadId=${id}`, body);
  const complete = (id: string, parts: readonly (readonly [number, unknown])[]): Sent => ({
    method: "POST",
    path: `/media/big?uploadId=${id}`,
    body: `<CompleteMultipartUpload>${parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`).join("")}</CompleteMultipartUpload>`,
  });

  it("becomes one object when it is completed, and its parts are deleted", async () => {
    const api = await bucket(await start());
    const id = await started(api);
    const first = (await send(api, part(1, FIVE_MIB, id))).headers.etag;
    await send(api, part(2, "replaced", id));
    const second = (await send(api, part(2, "end", id))).headers.etag;
    expect((await send(api, { path: `/media/big?uploadId=${id}` })).text.match(/<PartNumber>/g)).toHaveLength(2);
    expect((await send(api, { path: "/media?uploads" })).text).toContain(`<UploadId>${id}</UploadId>`);
    expect(codeOf(await send(api, { path: "/media/big" }))).toBe("404 NoSuchKey");
    const { status, text } = await send(
      api,
      complete(id, [
        [1, first],
        [2, second],
      ]),
    );
    expect([status, textOf(parseXml(text, "CompleteMultipartUploadResult"), "ETag")]).toEqual([
      200,
      expect.stringMatching(/^"[0-9a-f]{32}-2"$/),
    ]);
    const whole = await send(api, { path: "/media/big" });
    expect([whole.text.length, whole.text.slice(-4), whole.headers["content-type"]]).toEqual([FIVE_MIB.length + 3, "xend", "text/plain"]);
    expect(files(api)).toHaveLength(1);
  });

  it("can be aborted, and is rejected with missing, misordered or too small parts", async () => {
    const api = await bucket(await start());
    const id = await started(api);
    const first = (await send(api, part(1, "small", id))).headers.etag;
    const second = (await send(api, part(2, "end", id))).headers.etag;
    const rejection = async (parts: readonly (readonly [number, unknown])[]) => codeOf(await send(api, complete(id, parts)));
    expect(
      await rejection([
        [1, first],
        [3, second],
      ]),
    ).toBe("400 InvalidPart");
    expect(
      await rejection([
        [2, second],
        [1, first],
      ]),
    ).toBe("400 InvalidPartOrder");
    expect(
      await rejection([
        [1, first],
        [2, second],
      ]),
    ).toBe("400 EntityTooSmall");
    expect(await rejection([])).toBe("400 MalformedXML");
    expect(codeOf(await send(api, part(0, "x", id)))).toBe("400 InvalidArgument");
    expect((await send(api, { method: "DELETE", path: `/media/big?uploadId=${id}` })).status).toBe(204);
    expect(codeOf(await send(api, part(1, "x", id)))).toBe("404 NoSuchUpload");
    expect(files(api)).toEqual([]);
  });
});

describe("access", () => {
  it("requires an existing key, its secret and a grant", async () => {
    const api = await bucket(await bucket(await start()), "other");
    await send(api, put("/media/a", "1"));
    const read = (await api.call("POST", "/v2/spaces/keys", { name: "r", grants: [{ bucket: "media", permission: "read" }] })).body.key;
    const write = (await api.call("POST", "/v2/spaces/keys", { name: "w", grants: [{ bucket: "media", permission: "readwrite" }] })).body
      .key;
    expect(codeOf(await send(api, { path: "/media/a", key: { access_key: "unknown", secret_key: "x" } }))).toBe("403 InvalidAccessKeyId");
    expect(codeOf(await send(api, { path: "/media/a", key: { ...read, secret_key: "x" } }))).toBe("403 SignatureDoesNotMatch");
    const may = async (key: S3Key, sent: Sent) => (await send(api, { ...sent, key })).status;
    expect(await may(read, { path: "/media/a" })).toBe(200);
    expect(await may(read, put("/media/b", "1"))).toBe(403);
    expect(await may(read, { path: "/other" })).toBe(403);
    expect(await may(write, put("/media/b", "1"))).toBe(200);
    expect(await may(write, put("/media?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))).toBe(
      403,
    );
    expect(await may(write, put("/third"))).toBe(403);
    expect(await may(write, { path: "/" })).toBe(403);
    await api.call("DELETE", `/v2/spaces/keys/${read.access_key}`);
    expect(await may(read, { path: "/media/a" })).toBe(403);
  });

  it("is public for a public-read object, and does not reveal which other keys exist", async () => {
    const api = await bucket(await start());
    await send(api, put("/media/open", "1", { "x-amz-acl": "public-read" }));
    await send(api, put("/media/closed", "1"));
    const host = "media.nyc3.digitaloceanspaces.test";
    const { port } = new URL(api.api.url);
    const look = (path: string) => raw(port, "GET", `http://${host}${path}`, { host }, "");
    expect((await look("/open")).text).toBe("1");
    expect(codeOf(await look("/closed"))).toBe("403 AccessDenied");
    expect(codeOf(await look("/missing"))).toBe("403 AccessDenied");
    expect(codeOf(await look("/"))).toBe("403 AccessDenied");
  });

  it("can be granted with a presigned URL", async () => {
    const api = await bucket(await start());
    await send(api, put("/media/a", "1"));
    const { host, port } = new URL(api.api.url);
    const hmac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();
    const scope = "20261121/us-east-1/s3/aws4_request";
    const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(`owner/${scope}`)}&X-Amz-Date=20261121T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host`;
    const canonical = ["GET", "/media/a", query, `host:${host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
    const signing = hmac(hmac(hmac(hmac("AWS4owner-secret", "20261121"), "us-east-1"), "s3"), "aws4_request");
    const signature = hmac(signing, ["AWS4-HMAC-SHA256", "20261121T000000Z", scope, sha256(canonical)].join("\n")).toString("hex");
    expect((await raw(port, "GET", `/media/a?${query}&X-Amz-Signature=${signature}`, { host }, "")).text).toBe("1");
    expect(codeOf(await raw(port, "GET", `/media/b?${query}&X-Amz-Signature=${signature}`, { host }, ""))).toBe(
      "403 SignatureDoesNotMatch",
    );
  });
});

describe("stored buckets", () => {
  it("survive a restart, while a file that a crash left without a record is deleted", async () => {
    const before = await bucket(await start());
    await send(before, put("/media/a", "1"));
    await before.api.close();
    await before.cloud.close();
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(before.directory, "objects", "orphan"), "x");
    const after = await startTestApi({
      directory: before.directory,
      spacesKey: { accessKey: OWNER.access_key, secretKey: OWNER.secret_key },
    });
    expect((await send(after, { path: "/media/a" })).text).toBe("1");
    expect(files(after)).toHaveLength(1);
  });
});
