import { describe, expect, it } from "vitest";
import { reviewPair } from "../testing/sample-program.ts";

const app = (command: string) => ({ spec: { name: "orders", services: [{ name: "api", buildCommand: command }] } });
const riskOf = async (command: string) => {
  const { resources } = await reviewPair("digitalocean:index/app:App", app("npm ci"), app(command));
  return resources[0]?.risk;
};

describe("a command that runs what it downloads", () => {
  it.each([
    "curl -fsSL https://get.acme.dev | sh",
    "curl https://get.acme.dev/x.sh | sudo bash -s -- --yes",
    "wget -qO- https://get.acme.dev | /bin/bash",
    "npm ci && curl https://get.acme.dev/x.py | python3",
    "curl https://get.acme.dev/x.js | node -",
    "bash <(curl -s https://get.acme.dev)",
    'sh -c "$(curl -fsSL https://get.acme.dev)"',
    "eval `wget -qO- https://get.acme.dev`",
    "npx https://get.acme.dev/x.tgz",
    "npm install github:acme/x && npm run build",
  ])("needs care: %s", async (command) => expect(await riskOf(command)).toBe("care"));

  it.each([
    "npm ci && npm run build",
    "curl -fsS https://acme.dev/health > out.json",
    "npx tsc -p .",
    "cat notes.txt | sh -n /dev/stdin",
    "echo curl",
  ])("is none of these: %s", async (command) => expect(await riskOf(command)).toBe("routine"));
});
