import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Plain Node instead of vite's module runner: what is tested is loaded exactly as `pulumi up` loads it.
    experimental: { viteModuleRunner: false },
    pool: "forks",
    globalSetup: "tests/compile-cache.ts",
    // Much of a run is waiting: for servers to start, for a provider that asks every ten seconds.
    maxWorkers: availableParallelism() + 1,
    // Limits catch a test that hangs; a busy machine must not reach them. No test measures time with them.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    // Messages suggest the same commands whether npm started the tests or not.
    env: { npm_command: "" },
    coverage: {
      provider: "v8",
      include: [
        "{systems,settings,catalog,components,engine,postdeploy,report,preview,audit,operate,backup,data,policy,local,cli}/**/*.ts",
      ],
      exclude: ["**/*.test.ts"],
      reporter: ["text-summary"],
    },
  },
});
