import { createHash, createHmac, pbkdf2Sync, randomBytes, randomInt } from "node:crypto";

const LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** Letters and digits only, so that it needs no escaping in URLs, configuration files and shells. */
export const newPassword = (length = 24): string =>
  Array.from({ length }, () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)]).join("");

/**
 * The form in which Postgres stores a password (RFC 5803). SQL sets passwords in this form, so that no statement log contains one.
 * SASLprep is left out: DigitalOcean's passwords are ASCII, which it does not change.
 */
export function scramVerifier(password: string, salt = randomBytes(16), iterations = 4096): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const sign = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(sign("Client Key")).digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${sign("Server Key").toString("base64")}`;
}

export function matchesVerifier(verifier: string | null | undefined, password: string): boolean {
  const [, iterations, salt = ""] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier ?? "") ?? [];
  return iterations !== undefined && scramVerifier(password, Buffer.from(salt, "base64"), Number(iterations)) === verifier;
}
