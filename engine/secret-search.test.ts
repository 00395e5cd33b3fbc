import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { findSecrets, replaceSecrets, secretFinder } from "./secret-search.ts";

const SECRET = 'S3cr€t/p@ss w"rd\\+x?&=ü';
const TOKEN = "kB7xQ2vR9mT4wZ8nL5cJ1hG6";

function hide(text: string, ...secrets: string[]): string {
  return replaceSecrets(text, findSecrets(text, secrets), "[secret]");
}

function formsIn(text: string, ...secrets: string[]): readonly string[] {
  return findSecrets(text, secrets).map(({ form }) => form);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const hex = (text: string) => Buffer.from(text).toString("hex");

describe("an encoded secret", () => {
  it("is found in every common encoding, inside other text", () => {
    for (const secret of [SECRET, TOKEN, "sixsix", "p@ss:w/o#r?d%41&=+", "a/b c<é>\n+"]) {
      const json = JSON.stringify(secret).slice(1, -1);
      const uri = encodeURIComponent(secret);
      const forms = [
        ...[secret, json, JSON.stringify(json).slice(1, -1)],
        ...[uri, uri.replace(/%../g, (it) => it.toLowerCase()), encodeURI(secret), new URLSearchParams({ s: secret }).toString().slice(2)],
        ...[base64(secret), Buffer.from(secret).toString("base64url")],
        ...[hex(secret), hex(secret).toUpperCase(), hex(secret).replace(/../g, "%$&"), hex(secret).replace(/..(?!$)/g, "$&:")],
      ];
      for (const form of forms) expect([form, hide(`<${form}>`, secret)]).toEqual([form, "<[secret]>"]);
    }
  });

  it("is found and replaced completely inside a longer base64 text, at every alignment", () => {
    for (const before of ["", "u", "us", "use", "user:"]) {
      for (const behind of ["", ":", "::", "@host"]) {
        for (const encoding of ["base64", "base64url"] as const) {
          const text = Buffer.from(`${before}${TOKEN}${behind}`).toString(encoding);
          const left = hide(text, TOKEN).replace("[secret]", "");
          expect(Buffer.from(left, "base64").toString()).not.toMatch(/kB7|hG6/);
          expect(formsIn(text, TOKEN)).toEqual(["base64"]);
        }
      }
    }
  });

  it("is found with several encodings at once", () => {
    expect(formsIn(base64(JSON.stringify(JSON.stringify({ auth: SECRET }))), SECRET)).toEqual(["base64 of escaped of escaped"]);
    expect(formsIn(base64(`prefix ${base64(`${TOKEN} and more`)}`), TOKEN)).toEqual(["base64 of base64"]);
    expect(formsIn(encodeURIComponent(JSON.stringify(SECRET)), SECRET)).toEqual(["percent-encoded of escaped"]);
    expect(formsIn(hex(encodeURIComponent(SECRET)), SECRET)).toEqual(["hex of percent-encoded"]);
    expect(formsIn(encodeURIComponent(encodeURIComponent(SECRET)), SECRET)).toEqual(["percent-encoded of percent-encoded"]);
  });

  it("is found when some letters are escaped unnecessarily", () => {
    expect(hide("tok%65n=%6bB7xQ2vR9mT4wZ8nL5cJ1hG6", TOKEN)).toBe("tok%65n=[secret]");
    expect(hide(`"\\u006bB7xQ2vR9mT4wZ8nL5cJ1hG6"`, TOKEN)).toBe('"[secret]"');
    expect(hide("a &lt;b&gt; &#115;ixsix", "<b> sixsix")).toBe("a [secret]");
  });

  it("is found as bytes printed by Node and Go", () => {
    expect(hide(`${JSON.stringify(Buffer.from(TOKEN))}`, TOKEN)).toBe('{"type":"Buffer","data":[[secret]]}');
    expect(hide("<Buffer 6b 42 37 78 51 32 76 52 39 6d 54 34 77 5a 38 6e 4c 35 63 4a 31 68 47 36>", TOKEN)).toBe("<Buffer [secret]>");
  });

  it("is found in lower case; a short one only with its own case", () => {
    expect(hide(`app-${TOKEN.toLowerCase()}-x`, TOKEN)).toBe("app-[secret]-x");
    expect(hide("google it", "Google")).toBe("google it");
  });
});

describe("names derived from a secret", () => {
  it("are found with separators between its characters, but only the whole secret", () => {
    expect(hide("app-hush-hush-2026-x", "Hush/hush+2026")).toBe("app-[secret]-x");
    expect(hide("kB7x-Q2vR-9mT4-wZ8n-L5cJ-1hG6 and kB7x-Q2vR-9mT4-wZ8n", TOKEN)).toBe("[secret] and kB7x-Q2vR-9mT4-wZ8n");
    expect(formsIn("kB7x Q2vR_9mT4.wZ8n,L5cJ:1hG6", TOKEN)).toEqual(["cut up"]);
  });
});

describe("keys with several lines", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const body = privateKey.split("\n").slice(1, -2);
  const leftOf = (text: string) => body.filter((line) => hide(text, privateKey).replace(/\s/g, "").includes(line.slice(8, 24)));

  it.each([
    ["as they are", privateKey],
    ["indented", privateKey.replace(/^/gm, "    ")],
    ["quoted, line by line", privateKey.replace(/^/gm, "> | ")],
    ["on one line", privateKey.replace(/\n/g, " ")],
    ["on one line, without a space", privateKey.replace(/\n/g, "")],
    ["as JSON", JSON.stringify({ key: JSON.stringify({ privateKey }) })],
    ["with Windows' line ends", privateKey.replace(/\n/g, "\r\n")],
    ["wrapped at another width", body.join("").replace(/.{76}/g, "$&\n")],
    ["wrapped at another width and quoted", body.join("").replace(/.{76}/g, "$&\n> ")],
    ["in base64, wrapped", base64(privateKey).replace(/.{76}/g, "$&\n")],
    ["one line alone", `the line ${body[3]} is odd`],
  ])("are found %s", (_, text) => {
    expect(hide(text, privateKey)).not.toBe(text);
    expect(leftOf(text)).toEqual([]);
  });

  it("do not match the lines that every key has", () => {
    const text = "it starts with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----";
    expect(hide(text, privateKey)).toBe(text);
  });

  it("are found when a text of one line is wrapped", () => {
    expect(hide("token: kB7xQ2vR9m\n    T4wZ8nL5cJ1hG6", TOKEN)).toBe("token: [secret]");
  });
});

describe("parts", () => {
  it("match from twelve characters that are at least half of the secret", () => {
    expect(findSecrets(`starts with ${TOKEN.slice(0, 12)}…`, [TOKEN])).toEqual([
      { secret: TOKEN, form: "as it is", start: 12, end: 24, whole: false },
    ]);
    expect(findSecrets(`starts with ${TOKEN.slice(0, 11)}…`, [TOKEN])).toEqual([]);
    expect(findSecrets(TOKEN.slice(5, 17), [`${TOKEN}${TOKEN.split("").reverse().join("")}`])).toEqual([]);
  });

  it("include the password of a URL, encoded and decoded, and not its public part", () => {
    const url = "postgresql://doadmin:hush%2Fhush@private-db.example.com:25060/defaultdb?sslmode=require";
    expect(hide("password hush%2Fhush, or hush/hush", url)).toBe("password [secret], or [secret]");
    expect(hide("at private-db.example.com", url)).toBe("at private-db.example.com");
  });

  it("are distinguished from the whole secret", () => {
    expect(findSecrets(`${TOKEN} ${TOKEN.slice(4)}`, [TOKEN]).map(({ whole }) => whole)).toEqual([true, false]);
  });
});

describe("short secrets", () => {
  it("are found as whole words from three characters on", () => {
    expect(hide("pin 4711, pin-4711, 47110 and a4711", "4711")).toBe("pin [secret], pin-[secret], 47110 and a4711");
    expect(hide("ab is in abba", "ab")).toBe("ab is in abba");
    expect(hide("it is true", "true")).toBe("it is true");
  });
});

describe("positions", () => {
  it("are positions in the original text, sorted", () => {
    const text = `a=${encodeURIComponent("p/q r/s t")} b=${JSON.stringify('x"y"z-z').slice(1, -1)} c=plainly`;
    const found = findSecrets(text, ["plainly", 'x"y"z-z', "p/q r/s t"]);
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual(["p%2Fq%20r%2Fs%20t", 'x\\"y\\"z-z', "plainly"]);
  });

  it("are reported for a secret inside another", () => {
    expect(findSecrets("x hush-hush-token y", ["hush-hush", "hush-hush-token"]).map(({ secret }) => secret)).toEqual([
      "hush-hush-token",
      "hush-hush",
    ]);
    expect(hide("x hush-hush-token y", "hush-hush", "hush-hush-token")).toBe("x [secret] y");
  });

  it("are empty when there is nothing to find", () => {
    expect(findSecrets("anything", [])).toEqual([]);
    expect(findSecrets("", [TOKEN])).toEqual([]);
  });
});

describe("many secrets and long texts", () => {
  it("finds each of a thousand secrets in a megabyte of random text", () => {
    const random = (of: string) => createHash("sha256").update(of).digest("base64url");
    const secrets = Array.from({ length: 1000 }, (_, index) => random(`secret ${index}`));
    const filler = Array.from({ length: 20_000 }, (_, index) => `${random(`noise ${index}`)} "so" on %41 &amp; `).join("");
    const planted = secrets.map((secret, index) => `${filler.slice(index * 900, (index + 1) * 900)} ${secret} `).join("\n");
    const found = new Set(secretFinder(secrets)(planted).map(({ secret }) => secret));
    expect(found.size).toBe(1000);
  });

  it("handles repetitive texts", () => {
    const text = "a".repeat(100_000);
    expect(hide(text, "a".repeat(24))).toBe("[secret]");
    expect(findSecrets("%25".repeat(20_000) + "\\".repeat(20_000), [TOKEN])).toEqual([]);
  });
});
