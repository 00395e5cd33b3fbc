/**
 * Signs manifests and records with Ed25519. Encryption does not say who encrypted: anyone who may write to the bucket could put a backup of their own
 * there, and recipients are public.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes, verify } from "node:crypto";
import { z } from "zod";
import { SIGNING_KEY_PREFIX, VERIFY_KEY_PREFIX } from "../catalog/backup-keys.ts";
import { Failure } from "../postdeploy/connect/failure.ts";

const envelope = z.strictObject({
  content: z.record(z.string(), z.unknown()),
  signature: z.strictObject({ key: z.string(), value: z.base64() }),
});

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** @returns a pair of keys as text, for variables */
export function generateSigningKey(): { readonly signingKey: string; readonly verifyKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    signingKey: SIGNING_KEY_PREFIX + privateKey.export({ format: "der", type: "pkcs8" }).toString("base64url"),
    verifyKey: formatVerifyKey(publicKey),
  };
}

export function parseSigningKey(text: string): SigningKey {
  try {
    if (!text.startsWith(SIGNING_KEY_PREFIX)) throw new Error("prefix");
    const privateKey = createPrivateKey({
      key: Buffer.from(text.slice(SIGNING_KEY_PREFIX.length), "base64url"),
      format: "der",
      type: "pkcs8",
    });
    if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("type");
    return { privateKey, publicKey: createPublicKey(privateKey) };
  } catch (error) {
    throw new Failure(
      "bad-signing-key",
      2,
      `The signing key is not valid. It begins with ${SIGNING_KEY_PREFIX}. Create one: slipway backup keys`,
      {
        cause: error,
      },
    );
  }
}

export function parseVerifyKey(text: string): KeyObject {
  try {
    if (!text.startsWith(VERIFY_KEY_PREFIX)) throw new Error("prefix");
    const key = createPublicKey({ key: Buffer.from(text.slice(VERIFY_KEY_PREFIX.length), "base64url"), format: "der", type: "spki" });
    if (key.asymmetricKeyType !== "ed25519") throw new Error("type");
    return key;
  } catch (error) {
    throw new Failure(
      "bad-verify-key",
      2,
      `The verify key is not valid. It begins with ${VERIFY_KEY_PREFIX}; \`slipway backup keys\` prints it with the signing key.`,
      {
        cause: error,
      },
    );
  }
}

export const formatVerifyKey = (key: KeyObject): string =>
  VERIFY_KEY_PREFIX + key.export({ format: "der", type: "spki" }).toString("base64url");

/** Names a key in a signature. */
const idOf = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("hex")
    .slice(0, 16);

export function signContent(content: object, { privateKey, publicKey }: SigningKey): string {
  const text = JSON.stringify(content);
  const value = signBytes(null, Buffer.from(text), privateKey).toString("base64");
  return `${JSON.stringify({ content: JSON.parse(text) as object, signature: { key: idOf(publicKey), value } }, null, 2)}\n`;
}

/** @returns the content if one of the keys signed it, else what is wrong */
export function openSigned(text: string, keys: readonly KeyObject[]): { readonly content: object } | { readonly problem: string } {
  let parsed: z.infer<typeof envelope>;
  try {
    parsed = envelope.parse(JSON.parse(text));
  } catch {
    return { problem: "it is not a signed file of slipway" };
  }
  const { content, signature } = parsed;
  const key = keys.find((one) => idOf(one) === signature.key);
  if (key === undefined) return { problem: `it was signed with another key (${signature.key.slice(0, 16)})` };
  // JSON.parse keeps the order of keys, so the text is the one that was signed.
  return verify(null, Buffer.from(JSON.stringify(content)), key, Buffer.from(signature.value, "base64"))
    ? { content }
    : { problem: "its signature does not fit its content" };
}
