import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Plain Node instead of vite's module runner: what is tested is loaded exactly as `pulumi up` loads it.
    experimental: { viteModuleRunner: false },
    pool: "forks",
    // Much of a run is waiting: for servers to start, for a provider that asks every ten seconds.
    maxWorkers: availableParallelism() + 1,
    // Limits catch a test that hangs; a busy machine must not reach them. No test measures time with them.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    env: {
      // Messages suggest the same commands whether npm started the tests or not.
      npm_command: "",
      // Tests start thousands of processes that load the same files. Node keeps what it compiled of each file, also when several write at once, and does
      // without where it cannot write. Vitest turns it off with --coverage, for these processes too.
      NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)),
    },
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
