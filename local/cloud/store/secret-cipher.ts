import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Encrypts SECRET values of an app spec to DigitalOcean's format `EV[1:<nonce>:<ciphertext>]`. Each encryption gives a new value, which
 * decrypts only for the same app.
 */
export interface SecretCipher {
  encrypt(appId: string, plaintext: string): string;
  /** Returns undefined if the value was not encrypted by this cloud for this app. */
  decrypt(appId: string, encrypted: string): string | undefined;
}

const ENCRYPTED = /^EV\[1:([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]*=*)\]$/;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

export const isEncrypted = (value: string): boolean => ENCRYPTED.test(value);

export function openSecretCipher(directory: string): SecretCipher {
  const key = readOrCreateKey(directory);
  return {
    encrypt(appId, plaintext) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(appId));
      const text = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `EV[1:${nonce.toString("base64")}:${text.toString("base64")}]`;
    },
    decrypt(appId, encrypted) {
      const [, nonce, text] = ENCRYPTED.exec(encrypted) ?? [];
      if (!nonce || !text) return undefined;
      const bytes = Buffer.from(text, "base64");
      if (bytes.length < TAG_BYTES) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"))
        .setAAD(Buffer.from(appId))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
      } catch {
        return undefined;
      }
    },
  };
}

function readOrCreateKey(directory: string): Buffer {
  const path = join(directory, "seal.key");
  if (!existsSync(path)) {
    writeFileSync(`${path}.tmp`, randomBytes(32), { mode: 0o600, flush: true });
    renameSync(`${path}.tmp`, path);
  }
  chmodSync(path, 0o600);
  return readFileSync(path);
}
