/** Recognises secrets by their shape: tokens of well-known services, private keys, and the password of a URL. */

export const SECRET = "[secret]";

const TOKENS = [
  // DigitalOcean's tokens, its encrypted variables and the keys of its Spaces; Pulumi's tokens.
  /\b(?:dop|doo|dor)_v1_[\w-]{8,}/,
  /\bEV\[1:[^\]\s]*\]?/,
  /\bDO[08]0[A-Z0-9]{16,}\b/,
  /\bpul-[0-9a-f]{16,}/,
  // GitHub, Slack, Google, Stripe, npm, AWS.
  /\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}/,
  /\bxox[a-z]-[\w-]{10,}/,
  /\bGOCSPX-[\w-]{10,}|\bAIza[\w-]{30,}/,
  /\b[sr]k_(?:live|test)_\w{10,}/,
  /\bnpm_\w{30,}/,
  /\bAKIA[A-Z0-9]{12,}\b/,
  // JSON web tokens, private keys.
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/,
];
const TOKEN = new RegExp(TOKENS.map(({ source }) => source).join("|"), "g");

/** The password may contain characters that should be encoded, except in http URLs, where a path with "@" looks the same. */
const LOGIN = /\b((?!https?:)[a-z][a-z0-9+.-]*:\/\/)([^\s:/@"'`<>]*):([^\s"'`<>]+)@|\b(https?:\/\/)([^\s:/@"'`<>]*):([^\s/?#"'`<>]+)@/gi;

/** Passwords that are not secret: a reference, a mask, or the word "password" in an example. */
const HARMLESS = /^(?:\$\{[\w.-]+\}|\$\w+|\[secret\]|\*+|x{3,}|\.{3}|…|password)$/i;

export function maskSecretPatterns(text: string): string {
  const withoutTokens = text.replace(TOKEN, SECRET);
  if (!withoutTokens.includes("://")) return withoutTokens;
  return withoutTokens.replace(LOGIN, (whole, scheme, _user, password, httpScheme, _httpUser, httpPassword) =>
    HARMLESS.test(password ?? httpPassword) ? whole : `${scheme ?? httpScheme}${SECRET}@`,
  );
}
