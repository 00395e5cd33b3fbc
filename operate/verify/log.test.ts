import { expect, it } from "vitest";
import { errorLines, lastLines } from "./log.ts";

it.each([
  "Authorization: Bearer 8f7d0a9c11aa22bb33cc44dd",
  "proxy auth Basic 8f7d0a9c11aa22bb33cc44dd==",
  '{"level":"error","password":"8f7d0a9c11aa22bb33cc44dd"}',
  '{"password": "two words 8f7d0a9c11aa22bb33cc44dd"}',
  "PGPASSWORD=8f7d0a9c11aa22bb33cc44dd psql",
  "api_key: '8f7d0a9c11aa22bb33cc44dd'",
  "X-Api-Key: 8f7d0a9c11aa22bb33cc44dd",
  "postgres://shop:with@8f7d0a9c11aa22bb33cc44dd@db/shop",
  "rediss://default:8f7d0a9c11aa22bb33cc44dd@db:25061",
  "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.8f7d0a9c11aa22bb33cc44dd",
])("the end of a log shows no secret: %s", (line) => {
  const [shown] = lastLines(`first\n${line}\n`).slice(-1);
  expect(shown).toContain("[secret]");
  expect(shown).not.toContain("8f7d0a9c11aa22bb33cc44dd");
});

it("the end of a log keeps what is no secret", () => {
  const lines = ["listening on 8080", "GET /api/tokens 200", "https://example.com/a@b", "reset the password of 3 users"];
  expect(lastLines(lines.join("\n"))).toEqual(lines);
});

it("a line that reports no error is not one of errors", () => {
  expect(errorLines("0 errors\nno errors\nTypeError: x\nerrors: 3\nlistening")).toEqual(["TypeError: x", "errors: 3"]);
});
