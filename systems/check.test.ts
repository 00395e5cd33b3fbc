import { describe, expect, it } from "vitest";
import { checkSystem, checkSystems, DefinitionError } from "./check.ts";
import { env } from "./definition.ts";
import { drydock, shipyard } from "./testing/shipyard.ts";

// biome-ignore lint/suspicious/noExplicitAny: the tests write what the types forbid.
type Loose = any;
type Edit = (system: Loose) => void;

const api = (system: Loose) => Object.values<Loose>(system.apps).find((app) => "api" in app.components).components.api;

/** "api" stands for the system's backend: api.env.REDIS_URL.part. */
const at = (system: Loose, path: string): Loose =>
  path.split(".").reduce((value, key) => (key === "api" ? api(system) : value[key]), system);
const split = (path: string): [string, string] => {
  const dot = path.lastIndexOf(".");
  return [path.slice(0, Math.max(dot, 0)), path.slice(dot + 1)];
};

function set(path: string, value: unknown): Edit {
  const [parent, key] = split(path);
  return (system) => {
    (parent === "" ? system : at(system, parent))[key] = value;
  };
}

function drop(path: string): Edit {
  const [parent, key] = split(path);
  return (system) => {
    delete (parent === "" ? system : at(system, parent))[key];
  };
}

function rename(path: string, from: string, to: string): Edit {
  return (system) => {
    const record = at(system, path);
    record[to] = record[from];
    delete record[from];
  };
}

function swap(path: string, a: string, b: string): Edit {
  return (system) => {
    const record = at(system, path);
    [record[a], record[b]] = [record[b], record[a]];
  };
}

it("prints problems under the name of their kind", () => {
  expect(String(new DefinitionError([]))).toBe("DefinitionError: 0 problems in the systems' definitions.");
});

/** The error message for the shipyard after some edits. */
function refusal(...edits: Edit[]): string {
  const system = structuredClone(shipyard);
  for (const edit of edits) edit(system);
  return messageOf(() => checkSystem(system));
}

function messageOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof DefinitionError) return error.message;
    throw error;
  }
  throw new Error("The definition was accepted.");
}

describe("valid definitions", () => {
  it("are returned unchanged and frozen", () => {
    const checked = checkSystems([shipyard, drydock]);
    expect(checked).toEqual([shipyard, drydock]);
    expect(Object.isFrozen(checked[0]?.apps)).toBe(true);
  });

  it("can be checked one by one", () => {
    expect(checkSystem(drydock)).toEqual(drydock);
  });
});

describe("the error", () => {
  it("lists every problem of every system", () => {
    const [yard, dock]: Loose[] = [structuredClone(shipyard), structuredClone(drydock)];
    dock.postgres.minimumMajor = "15";
    yard.keyspaces.sessions.database = 1.5;
    yard.keyspaces.answers.store = "cash";
    const message = messageOf(() => checkSystems([yard, dock, { name: "third" }]));
    expect(message).toMatch(/^\d+ problems in the systems' definitions\./);
    expect(message).toContain("drydock: postgres.minimumMajor");
    expect(message).toContain("shipyard: keyspaces.sessions.database");
    expect(message).toContain("third: postgres");
  });

  it("states path, value, problem, allowed values and fix, without a stack trace", () => {
    expect(refusal(set("keyspaces.sessions.store", "sate"))).toBe(
      [
        "1 problem in the systems' definitions.",
        "",
        '1. shipyard: keyspaces.sessions.store is "sate": no store of this name is declared.',
        "   allowed: state, cache, queue",
        '   fix:     Declare the store "sate" under stores, or name one that is there.',
      ].join("\n"),
    );
  });

  it("does not repeat a value that may be a secret", () => {
    const canary = "hunter2hunter2HUNTER2";
    const message = refusal(set("postgres.minimumMajor", canary));
    expect(message).not.toContain(canary);
    expect(message).toContain("postgres.minimumMajor is not shown here, because it may be a secret");
  });

  it("numbers a definition that has no name", () => {
    expect(messageOf(() => checkSystems([{}]))).toContain("system 1: name");
    expect(messageOf(() => checkSystem(null))).toContain("system 1: the whole definition");
  });
});

describe("shape", () => {
  const cases: [string, Edit, string[]][] = [
    ["an unknown field", set("postgress", {}), ["shipyard: postgress", 'Correct the spelling of "postgress"']],
    ["a missing field", drop("backups.postgres"), ["backups.postgres: it is missing", 'Add "postgres".']],
    ["an unknown kind of role", set("postgres.roles.admin", "x"), ["postgres.roles.admin"]],
    ["a missing kind of role", drop("postgres.roles.backup"), ["postgres.roles.backup", 'Add "backup".']],
    ["an empty list of schemas", set("postgres.schemas", []), ["postgres.schemas", "a list with at least one entry"]],
    ["a store without a class", drop("stores.state.class"), ["stores.state.class", "state, cache"]],
    ["an unknown class", set("stores.state.class", "both"), ['"both"', "state, cache"]],
    ["a keyspace number below 0", set("keyspaces.answers.database", -1), ["keyspaces.answers.database", "0 or more"]],
    ["a keyspace number above 127", set("keyspaces.answers.database", 128), ["128", "127 or less"]],
    ["half a connection", set("api.env.POOL_MAX.wish", 2.5), ["POOL_MAX.wish", "2.5", "a whole number"]],
    ["a variable that requests no connection", set("api.env.POOL_MAX.wish", 0), ["POOL_MAX.wish", "1 or more"]],
    ["a short generated secret", set("secrets.jwtSecret.length", 8), ["secrets.jwtSecret.length", "32 or more"]],
    ["an unknown kind of component", set("api.kind", "cron"), ["api.kind", "service, site, worker, job"]],
    ["an unknown origin", set("api.env.NODE_ENV.from", "plan"), ["NODE_ENV.from", "plain", "caFile", "store"]],
    ["an unknown part of a store", set("api.env.SESSIONS_URL.part", "user"), ["SESSIONS_URL.part", "url, host, port"]],
    ["a store variable without a keyspace", drop("api.env.SESSIONS_URL.keyspace"), ["SESSIONS_URL.keyspace", 'Add "keyspace".']],
    ["an invalid email address", set("alerts.emails", ["alerts"]), ["alerts.emails.0", "an email address"]],
    ["a channel without #", set("alerts.slack.channel", "alerts"), ["alerts.slack.channel", 'starts with "#"']],
    ["an empty text", set("title", ""), ["title", "a text that is not empty"]],
  ];
  it.each(cases)("refuses %s", (_, edit, fragments) => {
    const message = refusal(edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("references", () => {
  const undeclared: [string, Edit, string[]][] = [
    ["store", set("keyspaces.answers.store", "cash"), ["keyspaces.answers.store", "state, cache", "under stores"]],
    ["store of a variable", set("api.env.QUEUE_URL.store", "redis"), ["QUEUE_URL.store", "queue"]],
    ["keyspace", set("api.env.SESSIONS_URL.keyspace", "session"), ["sessions, userData, answers", "under keyspaces"]],
    ["secret", set("api.env.JWT_SECRET.secret", "jwt"), ["JWT_SECRET.secret", "jwtSecret", "under secrets"]],
    ["secret of an alert", set("alerts.slack.webhook", "hook"), ["alerts.slack.webhook", "under secrets"]],
    ["setting", set("api.env.GOOGLE_CLIENT_ID.setting", "google"), ["googleClientId", "under settings"]],
    ["feature", set("stores.cache.feature", "cash"), ["stores.cache.feature", "slackAlerts", "under features"]],
    ["feature of a component", set("api.feature", "api"), ["components.api.feature", "queue"]],
    ["pool", set("api.env.DATABASE_URL.pool", "apps"), ["DATABASE_URL.pool", "under postgres.pools"]],
  ];
  it.each(undeclared)("refuses a %s that is not declared", (_, edit, fragments) => {
    const message = refusal(edit);
    for (const fragment of [...fragments, "Declare the"]) expect(message).toContain(fragment);
  });

  it("says so where none is declared", () => {
    const dock: Loose = structuredClone(drydock);
    api(dock).env.X = env.setting("x");
    expect(messageOf(() => checkSystem(dock))).toContain("allowed: none, because none is declared");
  });

  const unread: [string, string, Edit][] = [
    ["store", "stores.spare", set("stores.spare", shipyard.stores.state)],
    ["keyspace", "keyspaces.spare", set("keyspaces.spare", { ...shipyard.keyspaces.answers, database: 7 })],
    ["bucket", "buckets.spare", set("buckets", { spare: {} })],
    ["secret", "secrets.spare", set("secrets.spare", shipyard.secrets.jwtSecret)],
    ["setting", "settings.spare", set("settings.spare", { purpose: "none" })],
    ["feature", "features.spare", set("features.spare", { purpose: "none" })],
    ["pool", "postgres.pools.spare", set("postgres.pools.spare", { mode: "transaction", wish: 1 })],
  ];
  it.each(unread)("refuses a %s that nothing reads", (kind, path, edit) => {
    const message = refusal(edit);
    expect(message).toContain(`shipyard: ${path}`);
    expect(message).toContain(`Remove the ${kind} "spare", or name it where it is needed.`);
  });

  const always: [string, string][] = [
    ["an optional store", "QUEUE_URL"],
    ["a feature's keyspace", "ANSWERS_URL"],
    ["a feature's secret", "GOOGLE_CLIENT_SECRET"],
    ["a feature's setting", "GOOGLE_CLIENT_ID"],
  ];
  it.each(always)("refuses to read %s where the feature may be off", (_, key) => {
    const message = refusal(drop(`api.env.${key}.feature`));
    expect(message).toContain(`env.${key}`);
    expect(message).toContain(`Write ${key}: env.where("`);
  });

  it.each([
    ["a bucket of a feature", { feature: "queue" }, "name", 'Write FILES: env.where("queue"'],
    ["the CDN of a bucket without one", {}, "cdnUrl", 'the bucket "files" has no CDN'],
  ] as const)("refuses to read %s unconditionally", (_, bucket, part, text) => {
    const system: Loose = structuredClone(shipyard);
    system.buckets = { files: bucket };
    api(system).env.FILES = env.bucket("files", part);
    expect(messageOf(() => checkSystem(system))).toContain(text);
  });

  it("refuses the name of a bucket that DigitalOcean would refuse", () => {
    expect(refusal(set("buckets", { Files_1: {} }))).toContain("buckets.Files_1");
  });

  it("accepts a component of a feature that reads what the feature adds", () => {
    const system: Loose = structuredClone(shipyard);
    const { media } = system.apps.yard.components;
    system.apps.yard.components.worker = { ...media, feature: "queue", env: { QUEUE_URL: env.store("queue") } };
    expect(checkSystem(system).name).toBe("shipyard");
  });
});

describe("stores", () => {
  it("refuses one number for two keyspaces of a store", () => {
    const message = refusal(set("keyspaces.userData.database", 0));
    expect(message).toContain('userData.database is 0: the keyspace "sessions" has this number in the store "state"');
    expect(message).toContain('Give "userData" another number, or another store.');
  });

  it("refuses durable keys on a cache, which evicts keys when it is full", () => {
    const message = refusal(set("keyspaces.userData.store", "cache"));
    expect(message).toContain("shipyard: keyspaces.userData.store");
    expect(message).toContain('Move "userData" to a store of class state');
  });
});

describe("names", () => {
  const cases: [string, Edit, string[]][] = [
    ["a system's name with capitals", set("name", "Shipyard"), ["Shipyard: name", "Rename it."]],
    ["a keyspace with a dash", rename("keyspaces", "answers", "page-answers"), ["keyspaces.page-answers"]],
    ["an app key with capitals", rename("apps", "yard", "theYard"), ["apps.theYard"]],
    ["a database with a dash", set("postgres.database", "ship-yard"), ["postgres.database", "underscores"]],
    ["DigitalOcean's own database", set("postgres.database", "defaultdb"), ["Rename the database."]],
    ["a schema of Postgres", set("postgres.schemas", ["pg_yard"]), ["postgres.schemas.0", "Rename the schema."]],
    ["a schema twice", set("postgres.schemas", ["yard", "yard"]), ["postgres.schemas.1", "each schema once"]],
    ["DigitalOcean's own role", set("postgres.roles.owner", "doadmin"), ["postgres.roles.owner", "Rename the role."]],
    ["one role for two kinds", set("postgres.roles.owner", "shipyard"), ["roles.owner has this name too", "each role once"]],
    ["an extension that is SQL", set("postgres.extensions", ["a; DROP"]), ["postgres.extensions.0"]],
    ["a pool of two letters", rename("postgres.pools", "shipyard_pool", "db"), ["postgres.pools.db", "3 to 60"]],
    ["an app name that staging makes too long", set("apps.yard.name", "a".repeat(25)), ["apps.yard.name", "2 to 24", "-staging"]],
    ["a domain with a scheme", set("apps.yard.domain", "https://shipyard.example.com"), ["without scheme"]],
    ["a component name with a dot", rename("apps.portal.components", "portal", "a.b"), ["components.a.b", "2 to 32"]],
    ["a component with the name of a store", rename("apps.portal.components", "portal", "cache"), ["Rename the component."]],
    ["a store with the alias of the database", set("stores.db", shipyard.stores.state), ["stores.db", "not db, owner, admin"]],
    ["two components of one name", rename("apps.portal.components", "portal", "media"), ["Rename one of the two."]],
    [
      "a system without an api",
      rename("apps.yard.components", "api", "web"),
      ["no component is called api", "Call the backend service api."],
    ],
    ["an api that is not a service", swap("apps.yard.components", "api", "media"), ["api.kind", "Make it a service"]],
  ];
  it.each(cases)("refuses %s", (_, edit, fragments) => {
    const message = refusal(edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("apps", () => {
  const cases: [string, Edit, string[]][] = [
    ["a health path without its slash", set("api.health.path", "health"), ["health.path", 'Write "/health".']],
    ["a route without its slash", set("api.routes", ["api"]), ["routes.0", 'Write "/api".']],
    ["a folder without its slash", set("api.source.dir", "api"), ["source.dir", 'Write "/api".']],
    ["a route of two components", set("api.routes", ["/"]), ['it already leads to the component "frontend"', "longer prefix"]],
    ["a check that outlasts the next one", set("api.health.timeoutSeconds", 11), ["timeoutSeconds", "1 to 10"]],
    ["a repository as a URL", set("api.source.repo", "https://github.com/a/b"), ["source.repo", "without https://github.com/"]],
    ["a generated webhook", set("alerts.slack.webhook", "jwtSecret"), ["alerts.slack.webhook", 'origin: "operator"']],
  ];
  it.each(cases)("refuses %s", (_, edit, fragments) => {
    const message = refusal(edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("variables", () => {
  const withEnv = (key: string, value: Loose) => refusal(set(`api.env.${key}`, value));

  it("have names that a shell can set", () => {
    const message = withEnv("node-env", env.plain("x"));
    expect(message).toContain("env.node-env");
    expect(message).toContain("Rename the variable.");
  });

  it.each([
    ["a secret", "JWT_SECRET"],
    ["a database", "DATABASE_URL"],
    ["a store", "SESSIONS_URL"],
  ])("do not make %s available to a build", (_, key) => {
    for (const scope of ["BUILD_TIME", "RUN_AND_BUILD_TIME"]) {
      const message = refusal(set(`api.env.${key}.scope`, scope));
      expect(message).toContain(`env.${key}.scope`);
      expect(message).toContain('Write scope: "RUN_TIME".');
    }
  });

  it("are read by a static site while it is built, or not at all", () => {
    const message = refusal(set("apps.yard.components.frontend.env.API", env.plain("/api")));
    expect(message).toContain('env.API.scope is "RUN_TIME": a static site has no process');
    expect(message).toContain("Use env.build(…)");
  });

  it.each(["5432", "6379", "25060", "25061", "localhost:5432"])("contain no port of a database: %s", (value) => {
    const message = withEnv("SERVER", env.plain(value));
    expect(message).toContain("no port of a database or a store");
    expect(message).toContain('env.database("port")');
  });

  it.each(["3000", "30000", "8080", "15432"])("may contain other numbers: %s", (value) => {
    const system: Loose = structuredClone(shipyard);
    api(system).env.LIMIT = env.plain(value);
    expect(checkSystem(system).name).toBe("shipyard");
  });

  it.each([
    ["a URL with a password", "postgresql://app:pass@db.example.com/app"],
    ["a private key", "-----BEGIN PRIVATE KEY-----"],
    ["a GitHub token", "ghp_abcdefghij"],
    ["a DigitalOcean password", "AVNS_abc"],
    ["a Slack webhook", "https://hooks.slack.com/services/T0/B0/x"],
    ["a random string", "tR7mQ2xW9kLp4vNc8zBf"],
  ])("contain no %s as a plain value", (_, value) => {
    const message = withEnv("GREETING", env.plain(value));
    expect(message).not.toContain(value);
    expect(message).toContain('Declare a secret and write GREETING: env.secret("…")');
  });

  it.each(["API_KEY", "ADMIN_PASSWORD", "GITHUB_TOKEN"])("are not refused because of their name, but for a random value: %s", (key) => {
    const system: Loose = structuredClone(shipyard);
    api(system).env[key] = env.plain("x");
    expect(checkSystem(system).name).toBe("shipyard");
    for (const value of ["0123456789abcdef0123456789abcdef", "tR7mQ2xW9kLp4vNc8zBf"])
      expect(withEnv(key, env.plain(value))).toContain(`write ${key}: env.secret("…")`);
  });

  it.each([
    ["GIT_COMMIT", "9fceb02d0ae598e95dc970b74767f19372d61af8"],
    ["CHECKSUM", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["VAPID_PUBLIC_KEY", "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA0QTpQtUbVlUls0VJXg7A8"],
    ["CSRF_TOKEN_HEADER", "x-csrf-token"],
    ["PASSWORD_MIN_LENGTH", "12"],
    ["TOKEN_TTL_SECONDS", "3600"],
    ["LOCALE", "sk-SK"],
  ])("contain public values that resemble secrets: %s=%s", (key, value) => {
    const system: Loose = structuredClone(shipyard);
    api(system).env[key] = env.plain(value);
    expect(checkSystem(system).name).toBe("shipyard");
  });

  it("contain the keys that vendors document as examples", () => {
    const system: Loose = structuredClone(shipyard);
    api(system).env.EXAMPLE = env.plain(["AKIA", "IOSFODNN7EXAMPLE"].join(""));
    expect(checkSystem(system).name).toBe("shipyard");
  });

  it("contain no reference of App Platform, which could read what the definition does not declare", () => {
    expect(withEnv("URL", env.plain("${db.DATABASE_URL}"))).toContain("no reference");
  });

  it.each([
    ["PGSSLMODE", "require"],
    ["PGSSLMODE", "no-verify"],
    ["OPTIONS", "?sslmode=prefer"],
  ])("verify the server: %s=%s is refused", (key, value) => {
    expect(withEnv(key, env.plain(value))).toContain('Write env.plain("verify-full").');
  });

  it("cannot turn off the verification of certificates", () => {
    expect(withEnv("NODE_TLS_REJECT_UNAUTHORIZED", env.plain("0"))).toContain("it turns off the verification of certificates");
  });

  it("contain no unencrypted address [C26]", () => {
    const message = withEnv("QUEUE", env.plain("redis://queue/0"));
    expect(message).toContain("rediss://");
    expect(message).toContain('Use env.keyspace("…")');
  });

  it("name a file of certificates only where a run command can write it", () => {
    const message = refusal(drop("api.source.runCommand"));
    expect(message).toContain("source.runCommand");
    expect(message).toContain('runCommand: "npm start"');
  });

  it("name a file of certificates only where the component reads a certificate", () => {
    expect(refusal(drop("api.env.DATABASE_CA_CERT"))).toContain('Add DATABASE_CA_CERT: env.database("ca")');
  });

  it("require no more connections than they request", () => {
    expect(withEnv("POOL_MAX", env.budget(4, 5))).toContain("1 to 4, the number of connections that it requests");
  });

  it("name a driver in a URL only", () => {
    expect(withEnv("DB_HOST", env.database("host", { driver: "postgresql+asyncpg" }))).toContain('read the part "url"');
  });

  it("read a pool or a replica, not both", () => {
    const message = withEnv("REPLICA_URL", env.database("url", { pool: "shipyard_pool", replica: true }));
    expect(message).toContain("pools are in front of the primary, and the variable reads a replica");
  });
});

describe("several systems", () => {
  const together = (edit: Edit): string => {
    const dock: Loose = structuredClone(drydock);
    edit(dock);
    return messageOf(() => checkSystems([shipyard, dock]));
  };
  const cases: [string, Edit, string][] = [
    ["a domain", set("apps.dock.domain", "shipyard.example.com"), "Rename one domain."],
    ["an app name", set("apps.dock.name", "shipyard"), "Rename one app name."],
    ["a database", set("postgres.database", "shipyard"), "Rename one database."],
    ["a role", set("postgres.roles.runtime", "shipyard"), "Rename one role."],
    ["a name", set("name", "shipyard"), "Rename one name."],
  ];
  it.each(cases)("do not share %s", (_, edit, fix) => {
    const message = together(edit);
    expect(message).toMatch(/shipyard has this [a-z ]+ too|it is there twice/);
    expect(message).toContain(fix);
  });

  it("do not share a pool", () => {
    const copy: Loose = structuredClone(shipyard);
    copy.name = "copy";
    expect(messageOf(() => checkSystems([shipyard, copy]))).toContain("copy: postgres.pools.shipyard_pool");
  });

  it("may be given as plain data", () => {
    expect(checkSystems(JSON.parse(JSON.stringify([shipyard, drydock])))).toHaveLength(2);
  });
});
