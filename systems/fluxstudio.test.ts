import { describe, expect, it } from "vitest";
import { fluxstudio } from "./fluxstudio.ts";
import { componentOf, reads } from "./testing/describe.ts";

const api = componentOf(fluxstudio, "api");

describe("FluxStudio's database", () => {
  it("is called fluxstudio [F53]", () => {
    expect(fluxstudio.postgres.database).toBe("fluxstudio");
  });

  it("has four roles, and the application keeps the name it always had", () => {
    expect(fluxstudio.postgres.roles).toEqual({
      owner: "fluxstudio_owner",
      runtime: "fluxstudio_user",
      readonly: "fluxstudio_readonly",
      backup: "fluxstudio_backup",
    });
  });

  it("needs major 15, without a minor", () => {
    expect(fluxstudio.postgres.minimumMajor).toBe(15);
  });

  it("has the statistics of statements and no other extension", () => {
    expect(fluxstudio.postgres.extensions).toEqual(["pg_stat_statements"]);
  });

  it("ends a statement after 30 seconds, and logs one that takes longer than half a second", () => {
    expect(fluxstudio.postgres.statementTimeoutSeconds).toBe(30);
    expect(fluxstudio.postgres.slowStatementMs).toBe(500);
  });
});

describe("FluxStudio's cache", () => {
  it("is there only where a stack asks for it, in database 1, and may lose every key [F34]", () => {
    expect(fluxstudio.stores).toEqual({ cache: { class: "cache", memoryMiB: 256, feature: "cache" } });
    expect(fluxstudio.keyspaces.cache).toMatchObject({ store: "cache", database: 1, durable: false });
    expect(reads(fluxstudio, "api").REDIS_URL).toBe("keyspace cache url, where cache");
  });
});

describe("FluxStudio's app", () => {
  it("is a static site and a backend [F13]", () => {
    const always = Object.entries(fluxstudio.apps.fluxstudio!.components).filter(([, { feature }]) => feature === undefined);
    expect(always.map(([name, { kind }]) => [name, kind])).toEqual([
      ["frontend", "site"],
      ["api", "service"],
    ]);
  });

  it("is reached at fluxstudio.art [F46]", () => {
    expect(fluxstudio.apps.fluxstudio?.domain).toBe("fluxstudio.art");
  });

  it("serves on port 3001, in an instance for 64 MB at rest, and sends an alert at 200 MB [F79]", () => {
    expect(api).toMatchObject({ port: 3001, size: "apps-s-1vcpu-0.5gb", instances: 1, memoryAlertMiB: 200 });
  });

  it("sends requests of the API and of Socket.IO to the backend, the rest to the site", () => {
    expect(api).toMatchObject({ routes: ["/api", "/socket.io"] });
    expect(componentOf(fluxstudio, "frontend")).toMatchObject({ routes: ["/"] });
  });

  it("is healthy where /api/health answers [F31]", () => {
    expect(api).toMatchObject({ health: { path: "/api/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 } });
  });

  it("deploys on every push to main [F17]", () => {
    for (const { source } of Object.values(fluxstudio.apps.fluxstudio!.components)) {
      expect(source).toMatchObject({ repo: "your-org/fluxstudio", branch: "main", deployOnPush: true });
    }
  });

  it("is built by Node 24, and by no other line [F104]", () => {
    for (const { source } of Object.values(fluxstudio.apps.fluxstudio!.components)) {
      expect(source.buildCommand).toContain("node --version | grep -q '^v24[.]' || {");
      expect(source.buildCommand).toContain("exit 1");
    }
  });
});

describe("what FluxStudio's backend reads", () => {
  it("is this and nothing else", () => {
    expect(reads(fluxstudio, "api")).toEqual({
      NODE_ENV: "plain production",
      APP_URL: "app url",
      USE_DATABASE: "phase usePostgres",
      USE_POSTGRES: "phase usePostgres",
      DUAL_WRITE_ENABLED: "phase dualWrite",
      DATABASE_URL: "database url",
      DB_HOST: "database host",
      DB_PORT: "database port",
      DB_NAME: "database name",
      DB_USER: "database user",
      DB_PASSWORD: "database password",
      DATABASE_CA_CERT: "database ca",
      PGSSLMODE: "plain verify-full",
      NODE_EXTRA_CA_CERTS: "file of certificates",
      DATABASE_REPLICA_URL: "database url of a replica",
      DB_POOL_MAX: "budget 30, 5 at least",
      DB_POOL_MIN: "plain 5",
      DB_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      DB_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
      REDIS_URL: "keyspace cache url, where cache",
      REDIS_CA_CERT: "keyspace cache ca, where cache",
      JWT_SECRET: "secret jwtSecret",
      GOOGLE_CLIENT_ID: "setting googleClientId, where google",
      GOOGLE_CLIENT_SECRET: "secret googleClientSecret, where google",
      GITHUB_CLIENT_ID: "setting githubClientId, where github",
      GITHUB_CLIENT_SECRET: "secret githubClientSecret, where github",
      FIGMA_CLIENT_ID: "setting figmaClientId, where figma",
      FIGMA_CLIENT_SECRET: "secret figmaClientSecret, where figma",
      SLACK_CLIENT_ID: "setting slackClientId, where slack",
      SLACK_CLIENT_SECRET: "secret slackClientSecret, where slack",
    });
  });

  it("takes USE_DATABASE and USE_POSTGRES from one flag, so that they are never unequal [F1]", () => {
    const { USE_DATABASE, USE_POSTGRES } = api.env;
    expect(USE_DATABASE).toEqual({ from: "phase", flag: "usePostgres", scope: "RUN_TIME" });
    expect(USE_DATABASE).toEqual(USE_POSTGRES);
  });

  it("takes every flag of the cutover from the phase and from nowhere else [F58]", () => {
    const flags = ["USE_DATABASE", "USE_POSTGRES", "DUAL_WRITE_ENABLED"];
    expect(flags.map((flag) => api.env[flag]?.from)).toEqual(["phase", "phase", "phase"]);
  });

  it("has the connection as a URL and in single fields, through the same door [F57]", () => {
    const keys = ["DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"];
    const values = keys.map((key) => api.env[key]);
    expect(values.map((value) => value?.from)).toEqual(keys.map(() => "database"));
    for (const value of values) expect(value).not.toHaveProperty("pool");
  });

  it("asks for 30 connections or what the node has left, 5 of them kept, 30 s idle, 10 s to connect [F42]", () => {
    expect(api.env.DB_POOL_MAX).toMatchObject({ from: "budget", wish: 30, least: 5 });
    expect(reads(fluxstudio, "api")).toMatchObject({
      DB_POOL_MIN: "plain 5",
      DB_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      DB_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
    });
  });

  it("has one pool only: the wish for 20 is the same figure [F103]", () => {
    expect(Object.values(api.env).filter(({ from }) => from === "budget")).toHaveLength(1);
  });

  it("has a variable of its own for a read replica [F90]", () => {
    expect(reads(fluxstudio, "api").DATABASE_REPLICA_URL).toBe("database url of a replica");
  });

  it("has an id and a secret for each of four providers, and only the signing secret without any [F26]", () => {
    for (const provider of ["google", "github", "figma", "slack"]) {
      const { [`${provider.toUpperCase()}_CLIENT_ID`]: id, [`${provider.toUpperCase()}_CLIENT_SECRET`]: secret } = api.env;
      expect(id).toMatchObject({ from: "setting", feature: provider });
      expect(secret).toMatchObject({ from: "secret", feature: provider });
      expect(fluxstudio.secrets[`${provider}ClientSecret`]).toMatchObject({ origin: "operator", feature: provider });
    }
    const always = Object.values(api.env).filter(({ from, feature }) => from === "secret" && feature === undefined);
    expect(always).toEqual([{ from: "secret", secret: "jwtSecret", scope: "RUN_TIME" }]);
    expect(fluxstudio.secrets.jwtSecret).toMatchObject({ origin: "generated", length: 48 });
  });
});

describe("what a stack may add to FluxStudio", () => {
  it.each([
    ["collaboration", "service"],
    ["mcp", "service"],
    ["ffmpeg", "worker"],
    ["analytics", "worker"],
  ])("brings %s as exactly one %s with its own env [F38]", (feature, kind) => {
    const added = Object.entries(fluxstudio.apps.fluxstudio!.components).filter(([, component]) => component.feature === feature);
    expect(added.map(([name, component]) => [name, component.kind])).toEqual([[feature, kind]]);
    expect(reads(fluxstudio, feature)).toEqual({
      NODE_ENV: "plain production",
      DATABASE_URL: "database url",
      DB_HOST: "database host",
      DB_PORT: "database port",
      DB_NAME: "database name",
      DB_USER: "database user",
      DB_PASSWORD: "database password",
      DATABASE_CA_CERT: "database ca",
      PGSSLMODE: "plain verify-full",
      NODE_EXTRA_CA_CERTS: "file of certificates",
      DB_POOL_MAX: "budget 5, 1 at least",
      DB_POOL_MIN: "plain 1",
      DB_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      DB_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
      JWT_SECRET: "secret jwtSecret",
    });
  });
});

describe("FluxStudio's operations", () => {
  it("back up at two in the morning, UTC", () => {
    expect(fluxstudio.backups.postgres.hourUtc).toBe(2);
  });

  it("send an alert at 3 restarts an hour, 500 ms and 200 MB", () => {
    expect(fluxstudio.alerts).toMatchObject({ restartsPerHour: 3, latency: 500 });
    expect(api).toMatchObject({ memoryAlertMiB: 200 });
  });

  it("watch CPU, memory and disk of the database", () => {
    expect(fluxstudio.alerts).toMatchObject({ cpu: 80, memory: 85, disk: 80 });
  });
});
