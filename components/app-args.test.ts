import { expect, it } from "vitest";
import { withExec } from "./app-args.ts";

it.each(["node server.js", 'uvicorn main:app --host 0.0.0.0 --port $PORT --name "a b"'])("takes the shell's place with %s", (command) => {
  expect(withExec(command)).toBe(`exec ${command}`);
});

it.each([
  "npm run build && npm start",
  "PORT=8080 node server.js",
  "node a.js; node b.js",
  "node a.js | tee log",
  "(cd api; node a.js)",
  "a\nb",
])("leaves %j to the shell, which would run a part of it, or nothing, in its own place", (command) => {
  expect(withExec(command)).toBe(command);
});
