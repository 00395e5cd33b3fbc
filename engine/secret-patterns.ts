/** Masks what looks like a secret: tokens of well-known services, private keys, and the passwords of URLs. */
import { LOOSE_TOKENS } from "../catalog/secrets.ts";

export const SECRET = "[secret]";

/** The password may contain characters that should be encoded, except in http URLs, where a path with "@" looks the same. */
const LOGIN = /\b((?!https?:)[a-z][a-z0-9+.-]*:\/\/)([^\s:/@"'`<>]*):([^\s"'`<>]+)@|\b(https?:\/\/)([^\s:/@"'`<>]*):([^\s/?#"'`<>]+)@/gi;

/** Passwords that are not secret: a reference, a mask, or the word "password" in an example. */
const HARMLESS = /^(?:\$\{[\w.-]+\}|\$\w+|\[secret\]|\*+|x{3,}|\.{3}|…|password)$/i;

export function maskSecretPatterns(text: string): string {
  const withoutTokens = text.replace(LOOSE_TOKENS, SECRET);
  if (!withoutTokens.includes("://")) return withoutTokens;
  return withoutTokens.replace(LOGIN, (whole, scheme, _user, password, httpScheme, _httpUser, httpPassword) =>
    HARMLESS.test(password ?? httpPassword) ? whole : `${scheme ?? httpScheme}${SECRET}@`,
  );
}
