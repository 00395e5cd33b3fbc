/** Whether a string looks like something that nobody may read. It errs on the side of saying yes. */

const KNOWN = [
  /:\/\/[^/\s:@]*:[^/\s@]+@/, // a URL with a password
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/, // a signed token
  /^(gh[opsu]_|github_pat_|glpat-|xox[abeprs]-|sk_live_|sk-|AKIA|AIza|dop_v1_|doo_v1_|AVNS_|SG\.)/,
  /^https:\/\/hooks\.slack\.com\//,
];

export function looksSecret(value: string): boolean {
  return KNOWN.some((pattern) => pattern.test(value)) || looksRandom(value);
}

/** Long, without a blank, and of three kinds of characters: words, slugs, numbers and paths are not. */
function looksRandom(value: string): boolean {
  if (!/^[\w+/=.~!@#$%^&*-]{20,}$/.test(value)) return false;
  return [/[a-z]/, /[A-Z]/, /[0-9]/].every((kind) => kind.test(value)) || /^[0-9a-f]{32,}$/i.test(value);
}

/** The name of a variable that holds a secret, whatever its value looks like. */
export function namesSecret(key: string): boolean {
  return /(^|_)(PASSWORD|PASSWD|PWD|SECRET|TOKEN|CREDENTIALS?|PRIVATE_KEY|API_KEY|ACCESS_KEY|WEBHOOK)(_|$)/.test(key);
}
