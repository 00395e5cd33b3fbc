/**
 * What names and values look like that hold a secret. Definitions refuse them as plain text, settings never repeat them in a message, the policy pack
 * and the audit report them, and every printed plan masks them.
 *
 * A list of our own that contains every token format of @secretlint/secretlint-rule-preset-recommend 13.1.0, which knows none of DigitalOcean's and
 * Pulumi's, and because masking needs a looser pattern of the same tokens than a report does. tests/catalog/secrets.test.ts has one of each.
 */

interface TokenFormat {
  /** With its article, as it follows "looks like". */
  readonly what: string;
  /** Enough to refuse a value that starts with it. */
  readonly prefix: string;
  /** What follows the prefix: masking accepts a shortened or unfamiliar token, because it must not miss one. */
  readonly loose: string;
  /** What follows the prefix in a real token: an audit must not report what only resembles one. */
  readonly exact: string;
}

/** Regular expressions without flags. The prefix begins at a word boundary. */
const TOKEN_FORMATS: readonly TokenFormat[] = [
  { what: "a DigitalOcean token", prefix: "do[opr]_v1_", loose: "[\\w-]{8,}", exact: "[0-9a-f]{64}\\b" },
  { what: "a DigitalOcean database password", prefix: "AVNS_", loose: "[\\w-]{15,}", exact: "[\\w-]{15,}" },
  { what: "an encrypted variable of App Platform", prefix: "EV\\[1:", loose: "[^\\]\\s]*\\]?", exact: "[\\w+/=]{8,}:[\\w+/=]{16,}\\]" },
  { what: "a Spaces key", prefix: "DO[08]0", loose: "[A-Z0-9]{16,}\\b", exact: "[A-Z0-9]{16}\\b" },
  { what: "a Pulumi token", prefix: "pul-", loose: "[0-9a-f]{16,}", exact: "[0-9a-f]{40}\\b" },
  { what: "a GitHub token", prefix: "gh[opsur]_", loose: "\\w{20,}", exact: "[A-Za-z0-9]{36,}" },
  { what: "a GitHub token", prefix: "github_pat_", loose: "\\w{20,}", exact: "\\w{50,}" },
  { what: "a GitLab token", prefix: "glpat-", loose: "[\\w-]{16,}", exact: "[\\w-]{20,}" },
  {
    what: "a Slack webhook",
    prefix: "https://hooks\\.slack\\.com/",
    loose: "[^\\s\"'`<>]{8,}",
    exact: "services/T\\w{8,}/B\\w{8,}/\\w{20,}",
  },
  { what: "a Slack token", prefix: "(?:xox[a-z]|xapp)-", loose: "[\\w-]{10,}", exact: "\\w[\\w-]{20,}" },
  {
    what: "an AWS access key",
    prefix: "(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA)",
    loose: "[A-Z0-9]{12,}\\b",
    exact: "[A-Z0-9]{16}\\b",
  },
  { what: "a Stripe key", prefix: "[rs]k_(?:live|test)_", loose: "\\w{10,}", exact: "\\w{20,}" },
  { what: "a Google API key", prefix: "AIza", loose: "[\\w-]{30,}", exact: "[\\w-]{35}\\b" },
  { what: "a Google OAuth client secret", prefix: "GOCSPX-", loose: "[\\w-]{10,}", exact: "[\\w-]{28}\\b" },
  { what: "an npm token", prefix: "npm_", loose: "\\w{30,}", exact: "[A-Za-z0-9]{36}\\b" },
  { what: "a SendGrid key", prefix: "SG\\.", loose: "[\\w-]{16,}\\.[\\w-]{16,}", exact: "[\\w-]{22}\\.[\\w-]{43}" },
  { what: "a Shopify token", prefix: "shp(?:at|ca|pa|ss)_", loose: "[0-9a-fA-F]{16,}", exact: "[0-9a-fA-F]{32}\\b" },
  { what: "a Docker Hub token", prefix: "dckr_(?:pat|oat)_", loose: "[\\w-]{16,}", exact: "[\\w-]{27,}" },
  { what: "a Hugging Face token", prefix: "hf_", loose: "[A-Za-z0-9]{20,}", exact: "[A-Za-z0-9]{34,}\\b" },
  { what: "a Grafana token", prefix: "gl(?:sa|c)_", loose: "[\\w-]{20,}", exact: "[\\w-]{30,}" },
  { what: "a Linear key", prefix: "lin_(?:api|oauth)_", loose: "\\w{20,}", exact: "\\w{40,}" },
  { what: "a Vercel or Supabase token", prefix: "(?:sbp|vc[piark])_", loose: "\\w{20,}", exact: "[0-9a-zA-Z]{20,}" },
  { what: "an Atlassian token", prefix: "ATATT3", loose: "[\\w=-]{40,}", exact: "[\\w=-]{180,}" },
  { what: "a 1Password service account", prefix: "ops_eyJ", loose: "[\\w-]{40,}", exact: "[\\w-]{250,}" },
  { what: "a Databricks token", prefix: "dapi", loose: "[0-9a-f]{32}", exact: "[0-9a-f]{32}(?:-\\d)?\\b" },
  { what: "a Groq key", prefix: "gsk_", loose: "[A-Za-z0-9]{20,}", exact: "[A-Za-z0-9]{52}\\b" },
  { what: "a Notion token", prefix: "ntn_", loose: "[A-Za-z0-9]{20,}", exact: "[0-9]{11}[A-Za-z0-9]{35}\\b" },
  { what: "a Vault token", prefix: "hv[sbr]\\.", loose: "[\\w-]{20,}", exact: "[\\w-]{90,}" },
  { what: "a Figma token", prefix: "figd_", loose: "[\\w-]{20,}", exact: "[\\w-]{40,}" },
  { what: "a Cloudflare token", prefix: "cf(?:k|ut|at)_", loose: "\\w{20,}", exact: "[A-Za-z0-9]{40}[0-9a-f]{8}\\b" },
  { what: "a Tailscale key", prefix: "tskey-", loose: "[\\w-]{16,}", exact: "[a-z]{2,20}-\\w{8,40}-\\w{16,60}" },
  { what: "an OpenAI key", prefix: "sk-", loose: "[\\w-]{20,}", exact: "[\\w-]{40,}" },
  {
    what: "a private key",
    prefix: "-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    loose: "[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    exact: "\\s*(?:\\\\n)?[A-Za-z0-9+/=\\s\\\\]{40,}",
  },
  { what: "a signed token", prefix: "eyJ[\\w-]{8,}\\.", loose: "[\\w-]{8,}\\.[\\w-]*", exact: "eyJ[\\w-]{10,}\\.[\\w-]{20,}" },
];

/** A word boundary, also before a prefix that does not begin with a word character. */
const BOUNDARY = "(?<!\\w)";

/** Every token in a text, for masking. */
export const LOOSE_TOKENS: RegExp = new RegExp(TOKEN_FORMATS.map(({ prefix, loose }) => `${BOUNDARY}${prefix}${loose}`).join("|"), "g");

/** Each kind of token, for reporting. */
export const EXACT_TOKENS: readonly { readonly what: string; readonly pattern: RegExp }[] = TOKEN_FORMATS.map(
  ({ what, prefix, exact }) => ({
    what,
    pattern: new RegExp(`${BOUNDARY}${prefix}${exact}`, "g"),
  }),
);

const TOKEN_PREFIX = new RegExp(`^(?:${TOKEN_FORMATS.map(({ prefix }) => prefix).join("|")})`);
const LOOSE_TOKEN = new RegExp(LOOSE_TOKENS.source);

/** user:password@host in a URL. */
const LOGIN = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]+@/i;
const DATABASE_URL = /^(postgres(ql)?(\+\w+)?|mysql|mongodb(\+srv)?|rediss?|valkeys?):\/\//i;

export function hasLogin(text: string): boolean {
  return LOGIN.test(text);
}

export function isDatabaseLogin(text: string): boolean {
  return DATABASE_URL.test(text) && hasLogin(text);
}

/** Whether a value may be a secret. A value that is not one may be refused; a secret must not be accepted. */
export function looksSecret(value: string): boolean {
  return TOKEN_PREFIX.test(value) || LOOSE_TOKEN.test(value) || hasLogin(value) || looksRandom(value);
}

/** Names whose values look random and are public: GIT_COMMIT, VAPID_PUBLIC_KEY, IMAGE_DIGEST. */
const PUBLIC_NAME = /public|commit|sha\d*$|digest|checksum|integrity|hash|fingerprint|image|version|(^|_)id$/i;

/**
 * Whether the value of a variable of this name is a secret, and must not be written in a program. Not the keys that vendors document as examples, no
 * commit and no checksum, and no value because of its name alone.
 */
export function holdsSecret(name: string, value: string): boolean {
  if (!looksSecret(value) || /EXAMPLE/.test(value)) return false;
  if (LOOSE_TOKEN.test(value) || hasLogin(value) || !looksRandom(value)) return !SHORT.test(value);
  return namesSecret(name) || !(PUBLIC_NAME.test(name) || /^[0-9a-f]+$/i.test(value));
}

/** Locales begin like keys: sk-SK. */
const SHORT = /^.{0,7}$/s;

/** Long, without a space, and with three kinds of characters: words, slugs, numbers and paths are not. */
function looksRandom(value: string): boolean {
  if (!/^[\w+/=.~!@#$%^&*-]{20,}$/.test(value)) return false;
  return [/[a-z]/, /[A-Z]/, /[0-9]/].every((kind) => kind.test(value)) || /^[0-9a-f]{32,}$/i.test(value);
}

const SECRET_WORD =
  /(?:^|_)(?:passwords?|passwd|pwd|passphrases?|secrets?|tokens?|credentials?|webhooks?|(?:private|api|access|signing|encryption)_?keys?)(?:_|$)/;
/** In a name whose words are not separated. */
const SECRET_ENDING = /(?:password|passwd|passphrase|secret|token|credential|webhook|(?:private|api|access)key)s?$/;
/** The last word of a name that describes a secret and does not hold one: ACCESS_TOKEN_TTL, PASSWORD_MIN_LENGTH, PGPASSFILE. */
const DESCRIPTION =
  /_(?:ttl|expiry|expires|expiration|lifetime|timeout|ms|seconds|minutes|hours|days|in|length|limit|rounds|algorithm|issuer|audience|header|name|path|file|enabled|required|policy|pattern|regex|min|max|size|count|type|mode|scope|prefix|suffix|format|version|column|field|label|hint|rotation|endpoint|attempts|retries|window|store|reset_url|url_path|login_url)$/;

/** Whether a variable or setting of this name holds a secret, whatever its value looks like: JWT_SECRET, googleClientSecret, SECRET_KEY_BASE. */
export function namesSecret(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();
  return (SECRET_WORD.test(words) || SECRET_ENDING.test(words)) && !DESCRIPTION.test(words);
}
