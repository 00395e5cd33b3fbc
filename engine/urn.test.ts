import { expect, it } from "vitest";
import { formerUrns, nameOf, typeOf, urnOf } from "./urn.ts";

const place = { project: "p", stack: "s" };

it("reads the type and name from a URN, also a name with colons", () => {
  const urn = urnOf(place, "a:b:C", "x::y", urnOf(place, "d:e:F", "parent"));
  expect(urn).toBe("urn:pulumi:s::p::d:e:F$a:b:C::x::y");
  expect([typeOf(urn), nameOf(urn)]).toEqual(["a:b:C", "x::y"]);
});

it("applies an alias to any part of a URN, and a parent's aliases to its children", () => {
  const parent = urnOf(place, "d:e:F", "new");
  const formerParent = urnOf(place, "d:e:Old", "old");
  expect(
    formerUrns(place, { type: "a:b:C", name: "new-child", parent }, [{ type: "a:b:Was" }, "urn:pulumi:s::p::x:y:Z::w"], [formerParent]),
  ).toEqual([
    "urn:pulumi:s::p::d:e:F$a:b:Was::new-child",
    "urn:pulumi:s::p::x:y:Z::w",
    "urn:pulumi:s::p::d:e:Old$a:b:C::old-child",
    "urn:pulumi:s::p::d:e:Old$a:b:Was::old-child",
    "urn:pulumi:s::p::d:e:Old$x:y:Z::w",
  ]);
  expect(formerUrns(place, { type: "a:b:C", name: "n", parent }, [{ stack: "before", project: "q", parent: null, name: "m" }], [])).toEqual(
    ["urn:pulumi:before::q::a:b:C::m"],
  );
});
