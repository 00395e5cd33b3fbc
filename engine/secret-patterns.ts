/** Masks what looks like a secret in a text: tokens, private keys, and the logins of URLs. */
import { LOOSE_TOKENS } from "../catalog/secrets.ts";

export const SECRET = "[secret]";

/** The password may hold what should have been encoded, except where a host and its path look just like it. */
const LOGIN = /\b((?!https?:)[a-z][a-z0-9+.-]*:\/\/)([^\s:/@"'`<>]*):([^\s"'`<>]+)@|\b(https?:\/\/)([^\s:/@"'`<>]*):([^\s/?#"'`<>]+)@/gi;

/** Passwords that are not secret: a reference, a mask, or the word "password" in an example. */
const HARMLESS = /^(?:\$\{[\w.-]+\}|\$\w+|\[secret\]|\*+|x{3,}|\.{3}|…|password)$/i;

export function maskShapes(text: string): string {
  const withoutTokens = text.replace(LOOSE_TOKENS, SECRET);
  if (!withoutTokens.includes("://")) return withoutTokens;
  return withoutTokens.replace(LOGIN, (whole, scheme, _user, password, httpScheme, _httpUser, httpPassword) =>
    HARMLESS.test(password ?? httpPassword) ? whole : `${scheme ?? httpScheme}${SECRET}@`,
  );
}
