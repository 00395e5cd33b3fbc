/** DigitalOcean Spaces, or any other store with the S3 protocol. */
import { PassThrough, type Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { MAX_READ_BYTES, type ObjectStore, tooLarge } from "./object-store.ts";

export interface S3Location {
  readonly bucket: string;
  /** Before each key, without a slash at the end. */
  readonly prefix: string;
  readonly region: string;
  /** @default AWS's own */
  readonly endpoint?: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** S3 allows 10,000 parts. Each upload buffers as many parts as it sends at a time. */
const PART_BYTES = 8 * 2 ** 20;
const PARTS = 9_000;
const PARTS_AT_A_TIME = 3;
const ATTEMPTS = 6;
/** Without a byte for so long, a request is repeated. */
const SILENCE_MS = 60_000;

export function openS3(location: S3Location): ObjectStore {
  const { bucket, prefix } = location;
  const client = new S3Client(clientConfig(location));
  const Bucket = bucket;
  const name = `s3://${[bucket, prefix].filter(Boolean).join("/")}`;
  const keyOf = (key: string) => [prefix, key].filter(Boolean).join("/");
  const attempt = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw s3Failure(error, doing, name, location);
    }
  };

  return {
    name,
    writeStream: (key, body, { expectedBytes }) =>
      attempt(`writing ${key}`, async () => {
        // A stream of its own: the SDK does not see an error of a stream that it reads, and would complete the upload of a part.
        const source = new PassThrough();
        const upload = new Upload({
          client,
          params: { Bucket, Key: keyOf(key), Body: source },
          partSize: Math.max(PART_BYTES, Math.ceil(expectedBytes / PARTS)),
          queueSize: PARTS_AT_A_TIME,
          leavePartsOnError: false,
        });
        let failure: Error | undefined;
        const stop = (error: Error) => {
          failure ??= error;
          void upload.abort();
          source.destroy(error);
        };
        body.once("error", stop);
        body.once("close", () => {
          if (!body.readableEnded && body.errored === null) stop(new Error("the data ended before its end"));
        });
        body.pipe(source);
        try {
          await upload.done();
        } catch (error) {
          body.destroy();
          throw failure ?? error;
        }
        if (failure) throw failure;
      }),

    write: (key, body, condition) =>
      attempt(`writing ${key}`, async () => {
        const conditions = condition && ("absent" in condition ? { IfNoneMatch: "*" } : { IfMatch: condition.etag });
        try {
          await client.send(new PutObjectCommand({ Bucket, Key: keyOf(key), Body: body, ContentType: "application/json", ...conditions }));
          return true;
        } catch (error) {
          const status = statusOf(error);
          if (condition && (status === 412 || status === 409 || (status === 404 && "etag" in condition))) return false;
          throw error;
        }
      }),

    read: (key) =>
      attempt(`reading ${key}`, async () => {
        try {
          const { Body, ETag = "", ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket, Key: keyOf(key) }));
          if (ContentLength > MAX_READ_BYTES) {
            (Body as Readable).destroy();
            throw tooLarge(name, key);
          }
          return { body: Buffer.from(await Body!.transformToByteArray()), etag: ETag };
        } catch (error) {
          if ((error as Error).name === "NoSuchKey") return undefined;
          throw error;
        }
      }),

    readStream: (key) =>
      attempt(`reading ${key}`, async () => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: keyOf(key) }));
        return Body as Readable;
      }),

    async *list(after) {
      let token: string | undefined;
      do {
        const page = await attempt("listing", () =>
          client.send(new ListObjectsV2Command({ Bucket, Prefix: keyOf(after), ...(token && { ContinuationToken: token }) })),
        );
        for (const { Key = "", Size = 0, ETag = "", LastModified = new Date(0) } of page.Contents ?? [])
          yield { key: prefix ? Key.slice(prefix.length + 1) : Key, bytes: Size, etag: ETag, modifiedAt: LastModified };
        token = page.NextContinuationToken;
      } while (token);
    },

    remove: (key) => attempt(`removing ${key}`, async () => void (await client.send(new DeleteObjectCommand({ Bucket, Key: keyOf(key) })))),

    close: () => client.destroy(),
  };
}

function clientConfig({ region, endpoint, accessKey, secretKey }: S3Location): S3ClientConfig {
  return {
    region,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    maxAttempts: ATTEMPTS,
    retryMode: "standard",
    requestHandler: { connectionTimeout: 10_000, requestTimeout: SILENCE_MS, socketTimeout: SILENCE_MS },
    // Several stores reject the checksums that the SDK adds by default (aws/aws-sdk-js-v3#6810). The manifest has a SHA-256 of its own.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: isAddress(endpoint) }),
  };
}

/** A server on this machine or with a bare address has no subdomain for each bucket. */
function isAddress(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return /^(localhost|\[.*\]|[\d.]+)$/.test(hostname);
}

const statusOf = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

function s3Failure(error: unknown, doing: string, name: string, { region, endpoint }: S3Location): Error {
  // Of the data, not of the store.
  if (error instanceof Failure) return error;
  const { name: kind, message } = error as Error;
  const status = statusOf(error);
  const where = `${name}: ${doing} failed`;
  const of = endpoint ?? `region ${region}`;
  const advice = (): readonly [code: string, text: string] => {
    switch (kind) {
      case "NoSuchKey":
        return ["no-object", "there is no such object."];
      case "NoSuchBucket":
        return ["no-bucket", `the bucket does not exist at ${of}. Check its name and region.`];
      case "InvalidAccessKeyId":
        return ["wrong-key", "the store does not know the access key. Was it rotated? Read it again from the stack's outputs."];
      case "SignatureDoesNotMatch":
        return ["wrong-key", "the secret key does not belong to the access key. Read both again from the stack's outputs."];
      case "AccessDenied":
      case "Forbidden":
        return ["no-access", "the key may not do this. It needs read and write access to this bucket."];
      case "RequestTimeTooSkewed":
        return [
          "clock",
          `the clock of this machine differs from the store's by more than 15 minutes (it is ${new Date().toISOString()} here). Correct it.`,
        ];
      case "PermanentRedirect":
      case "AuthorizationHeaderMalformed":
        return ["wrong-region", `the bucket is in another region than ${region}. ${message}`];
      case "QuotaExceeded":
      case "InsufficientStorage":
        return ["full", "the store is full. Remove backups with: slipway backup prune"];
      case "ENOTFOUND":
      case "ECONNREFUSED":
        return ["no-store", `${of} cannot be reached (${message}). Check the endpoint and the network.`];
      default:
        return status !== undefined && status >= 500
          ? ["store-failed", `the store responded with ${status} ${kind} to each of ${ATTEMPTS} attempts. Try again later.`]
          : ["store", `${kind === "Error" ? "" : `${kind}: `}${message}`];
    }
  };
  const [code, text] = advice();
  return new Failure(code, 1, `${where}: ${text}`, { cause: error });
}
