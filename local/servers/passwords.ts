import { createHash, createHmac, pbkdf2Sync, randomBytes, randomInt } from "node:crypto";

const LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** Letters and digits only: it goes into URLs, configuration files and shells, and must need no escaping in any of them. */
export const newPassword = (length = 24): string =>
  Array.from({ length }, () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)]).join("");

/**
 * What Postgres keeps of a password (RFC 5803). SQL that sets a password carries this, so that a statement log never holds the password.
 * DigitalOcean's passwords are ASCII, for which SASLprep changes nothing.
 */
export function scramVerifier(password: string, salt = randomBytes(16), iterations = 4096): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const sign = (what: string) => createHmac("sha256", salted).update(what).digest();
  const storedKey = createHash("sha256").update(sign("Client Key")).digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${sign("Server Key").toString("base64")}`;
}

/** Is this the password that Postgres keeps the verifier of? */
export function matchesVerifier(verifier: string | null | undefined, password: string): boolean {
  const [, iterations, salt = ""] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier ?? "") ?? [];
  return iterations !== undefined && scramVerifier(password, Buffer.from(salt, "base64"), Number(iterations)) === verifier;
}
