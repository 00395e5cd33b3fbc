import { describe, expect, it } from "vitest";
import { child, parseXml, tag, textOf, writeXml } from "./xml.ts";

describe("XML", () => {
  it("is parsed with entities, attributes, comments and empty elements", () => {
    const source =
      '<?xml version="1.0"?>\n<!-- hi -->\n<Delete xmlns="http://x/"><Object><Key>a&amp;b &lt;&#233;&#x2603;&gt;</Key><VersionId/></Object></Delete>\n';
    const object = child(parseXml(source, "Delete"), "Object")!;
    expect(child(object, "Key")!.text).toBe("a&b <é☃>");
    expect(textOf(object, "VersionId")).toBe("");
    expect(textOf(object, "Nothing")).toBeUndefined();
  });

  it("is parsed as it was written", () => {
    const text = `<&>" ü ☃ \t`;
    expect(child(parseXml(writeXml(tag("List", tag("Name", text), undefined, [tag("Size", 3)])), "List"), "Name")!.text).toBe(text);
  });

  it("is rejected if it is malformed, too deep, has another root, or declares entities", () => {
    const broken = [
      "",
      "text",
      "<a>",
      "<a></b>",
      "<a/><a/>",
      "<b/>",
      "<a",
      '<!DOCTYPE a [<!ENTITY x "y">]><a/>',
      "<a><![CDATA[x]]></a>",
      "<a>".repeat(100) + "</a>".repeat(100),
    ];
    for (const source of broken) expect(() => parseXml(source, "a"), source.slice(0, 30)).toThrow("not well-formed");
  });
});
