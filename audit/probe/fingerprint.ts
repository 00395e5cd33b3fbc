import { createHmac } from "node:crypto";

export function fingerprint(value: string, key: string): string {
  return createHmac("sha256", key).update(value).digest("hex");
}

/** Of a text, and of its password if it is a URL. */
export function fingerprintsOf(value: string, key: string): readonly string[] {
  return [value, ...passwordIn(value)].map((text) => fingerprint(text, key));
}

function passwordIn(text: string): readonly string[] {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(text)) return [];
  try {
    const { password } = new URL(text);
    return password === "" ? [] : [decodeURIComponent(password)];
  } catch {
    return [];
  }
}
