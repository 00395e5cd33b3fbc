import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../.."),
    include: ["tests/mutants/worker.ts"],
    experimental: { viteModuleRunner: false },
    pool: "forks",
    testTimeout: 0,
    silent: true,
    reporters: ["dot"],
    env: { npm_command: "" },
  },
});
