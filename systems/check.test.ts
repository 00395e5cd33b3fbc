import { describe, expect, it } from "vitest";
import { checkSystem, checkSystems, DefinitionError } from "./check.ts";
import { env, type System } from "./definition.ts";
import { systems } from "./index.ts";

/** As a definition is before anybody has checked it. */
// biome-ignore lint/suspicious/noExplicitAny: the tests write what the types forbid.
type Loose = any;
type Edit = (system: Loose) => void;

const named = (name: string): System => systems.find((system) => system.name === name)!;
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

/** What is said of a definition after an edit. */
function said(name: string, ...edits: Edit[]): string {
  const system = structuredClone(named(name));
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
  throw new Error("nothing was refused");
}

describe("definitions that hold together", () => {
  it("come back as they are, and frozen", () => {
    const checked = checkSystems(systems);
    expect(checked).toEqual(systems);
    expect(Object.isFrozen(checked[0]?.apps)).toBe(true);
  });

  it("are also checked one by one", () => {
    expect(checkSystem(named("devx"))).toEqual(named("devx"));
  });
});

describe("what is said", () => {
  it("names every mistake of every system at once", () => {
    const flux: Loose = structuredClone(named("fluxstudio"));
    const candle: Loose = structuredClone(named("candlefish"));
    flux.postgres.minimumMajor = "15";
    candle.keyspaces.sessions.database = 1.5;
    candle.keyspaces.cache.store = "cash";
    const message = messageOf(() => checkSystems([flux, candle, { name: "fourth" }]));
    expect(message).toMatch(/^\d+ mistakes in the systems' definitions:/);
    expect(message).toContain("fluxstudio: postgres.minimumMajor");
    expect(message).toContain("candlefish: keyspaces.sessions.database");
    expect(message).toContain("fourth: postgres");
  });

  it("is four lines a mistake, and no stack", () => {
    const message = said("candlefish", set("keyspaces.sessions.store", "sate"));
    expect(message).toBe(
      [
        "One mistake in a system's definition:",
        "",
        "candlefish: keyspaces.sessions.store",
        '  given    "sate"',
        "  allowed  state, cache",
        '  mend     Declare the store "sate" under stores, or name one that is there.',
      ].join("\n"),
    );
  });

  it("never repeats what could be a secret", () => {
    const canary = "hunter2hunter2HUNTER2";
    const message = said("devx", set("postgres.minimumMajor", canary));
    expect(message).not.toContain(canary);
    expect(message).toContain("a value of 21 characters that looks like a secret");
  });

  it("calls a definition without a name by its place", () => {
    expect(messageOf(() => checkSystems([{}]))).toContain("system 1: name");
    expect(messageOf(() => checkSystem(null))).toContain("system 1: the whole definition");
  });
});

describe("shape", () => {
  const cases: [string, string, Edit, string[]][] = [
    ["an unknown field", "devx", set("postgress", {}), ["devx: postgress", 'Correct the spelling of "postgress"']],
    ["a missing field", "devx", drop("backups.copies"), ["devx: backups.copies", "nothing", 'Add "copies".']],
    ["a role kind that does not exist", "devx", set("postgres.roles.admin", "x"), ["postgres.roles.admin"]],
    ["a role kind that is left out", "devx", drop("postgres.roles.backup"), ["postgres.roles.backup", 'Add "backup".']],
    ["no schema at all", "devx", set("postgres.schemas", []), ["postgres.schemas", "a list with one entry at least"]],
    ["a store without a class", "candlefish", drop("stores.state.class"), ["stores.state.class", "state, cache"]],
    ["an unknown class", "candlefish", set("stores.state.class", "both"), ['"both"', "state, cache"]],
    ["a keyspace number below 0", "candlefish", set("keyspaces.cache.database", -1), ["keyspaces.cache.database", "0 or more"]],
    ["a keyspace number above 127", "candlefish", set("keyspaces.cache.database", 128), ["128", "127 or less"]],
    ["half a connection", "devx", set("api.env.POSTGRES_POOL_MAX.wish", 2.5), ["POSTGRES_POOL_MAX.wish", "2.5", "a whole number"]],
    ["a variable that wishes for no connection", "devx", set("api.env.POSTGRES_POOL_MAX.wish", 0), ["POSTGRES_POOL_MAX.wish", "1 or more"]],
    ["a short generated secret", "candlefish", set("secrets.jwtSecret.length", 8), ["secrets.jwtSecret.length", "32 or more"]],
    ["an unknown kind of component", "devx", set("api.kind", "cron"), ["api.kind", "service, site, worker, job"]],
    ["an unknown origin", "devx", set("api.env.NODE_ENV.from", "plan"), ["NODE_ENV.from", "plain", "caFile", "store"]],
    ["a part that a store does not have", "candlefish", set("api.env.REDIS_URL.part", "user"), ["REDIS_URL.part", "url, host, port"]],
    ["a store variable without a keyspace", "candlefish", drop("api.env.REDIS_URL.keyspace"), ["REDIS_URL.keyspace", 'Add "keyspace".']],
    ["an address that is none", "candlefish", set("alerts.emails", ["alerts"]), ["alerts.emails.0", "an email address"]],
    ["a channel without its sign", "candlefish", set("alerts.slack.channel", "alerts"), ["alerts.slack.channel", 'starts with "#"']],
    ["an empty text", "devx", set("title", ""), ["title", "a text that is not empty"]],
    ["a schedule that runs nothing", "devx", set("schedules.forgetActivity.run", {}), ["schedules.forgetActivity.run"]],
  ];
  it.each(cases)("refuses %s", (_, name, edit, fragments) => {
    const message = said(name, edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("references", () => {
  const undeclared: [string, string, Edit, string[]][] = [
    ["store", "candlefish", set("keyspaces.cache.store", "cash"), ["keyspaces.cache.store", "state, cache", "under stores"]],
    ["store of a variable", "devx", set("api.env.REDIS_URL.store", "redis"), ["REDIS_URL.store", "valkey"]],
    ["keyspace", "candlefish", set("api.env.REDIS_URL.keyspace", "session"), ["sessions, cache, userData", "under keyspaces"]],
    ["keyspace of a schedule", "candlefish", set("schedules.cleanUpSessions.run.script.keyspace", "x"), ["script.keyspace"]],
    ["secret", "candlefish", set("api.env.JWT_SECRET.secret", "jwt"), ["JWT_SECRET.secret", "jwtSecret", "under secrets"]],
    ["secret of an alert", "candlefish", set("alerts.slack.webhook", "hook"), ["alerts.slack.webhook", "under secrets"]],
    ["setting", "fluxstudio", set("api.env.GOOGLE_CLIENT_ID.setting", "google"), ["googleClientId", "under settings"]],
    ["setting where none is declared", "devx", set("api.env.X", env.setting("x")), ["none: nothing of the kind is declared"]],
    ["feature", "fluxstudio", set("stores.cache.feature", "cash"), ["stores.cache.feature", "analytics", "under features"]],
    ["feature of a component", "devx", set("api.feature", "api"), ["components.api.feature", "valkey"]],
    ["pool", "devx", set("api.env.DATABASE_URL.pool", "apps"), ["DATABASE_URL.pool", "under postgres.pools"]],
  ];
  it.each(undeclared)("refuses a %s that nobody declared", (_, name, edit, fragments) => {
    const message = said(name, edit);
    for (const fragment of [...fragments, "Declare the"]) expect(message).toContain(fragment);
  });

  const unread: [string, string, Edit][] = [
    ["store", "stores.spare", set("stores.spare", named("candlefish").stores.state)],
    ["keyspace", "keyspaces.spare", set("keyspaces.spare", { ...named("candlefish").keyspaces.cache, database: 7 })],
    ["secret", "secrets.spare", set("secrets.spare", named("candlefish").secrets.jwtSecret)],
    ["setting", "settings.spare", set("settings", { spare: { purpose: "none" } })],
    ["feature", "features.spare", set("features.spare", { purpose: "none" })],
    ["pool", "postgres.pools.spare", set("postgres.pools.spare", { mode: "transaction", wish: 1 })],
  ];
  it.each(unread)("refuses a %s that nothing reads", (kind, path, edit) => {
    const message = said("candlefish", edit);
    expect(message).toContain(`candlefish: ${path}`);
    expect(message).toContain(`Remove the ${kind} "spare", or name it where it is needed.`);
  });

  const always: [string, string][] = [
    ["an optional store", "REDIS_URL"],
    ["a feature's secret", "GOOGLE_CLIENT_SECRET"],
    ["a feature's setting", "GOOGLE_CLIENT_ID"],
  ];
  it.each(always)("refuses to read %s where the feature may be off", (_, key) => {
    const message = said("fluxstudio", drop(`api.env.${key}.feature`));
    expect(message).toContain(`env.${key}`);
    expect(message).toContain(`Write ${key}: env.where("`);
  });

  it("lets a component of a feature read what the feature brings", () => {
    const system: Loose = structuredClone(named("devx"));
    system.apps.devx.components.worker = {
      kind: "worker",
      feature: "valkey",
      source: api(system).source,
      size: "apps-s-1vcpu-1gb",
      instances: 1,
      env: { REDIS_URL: env.store("valkey") },
    };
    expect(checkSystem(system).name).toBe("devx");
  });
});

describe("stores", () => {
  it("refuses one number for two keyspaces of a store [C23]", () => {
    const message = said("candlefish", set("keyspaces.userData.database", 0));
    expect(message).toContain('0, which "sessions" has in the store "state"');
    expect(message).toContain('Give "userData" another number, or another store.');
  });

  it("refuses durable keys on a cache, which drops keys when it is full [C64]", () => {
    const message = said("candlefish", set("keyspaces.userData.store", "cache"));
    expect(message).toContain("candlefish: keyspaces.userData.store");
    expect(message).toContain('Move "userData" to a store of class state');
  });
});

describe("names", () => {
  const cases: [string, string, Edit, string[]][] = [
    ["a system's name with capitals", "devx", set("name", "DevX"), ["DevX: name", "Rename it."]],
    ["a keyspace with a dash", "candlefish", rename("keyspaces", "cache", "page-cache"), ["keyspaces.page-cache"]],
    ["an app key with capitals", "devx", rename("apps", "devx", "devX"), ["apps.devX"]],
    ["a database with a dash", "devx", set("postgres.database", "devx-platform"), ["postgres.database", "underscores"]],
    ["DigitalOcean's own database", "devx", set("postgres.database", "defaultdb"), ["Rename the database."]],
    ["a schema of Postgres", "devx", set("postgres.schemas", ["pg_devx"]), ["postgres.schemas.0", "Rename the schema."]],
    ["a schema twice", "devx", set("postgres.schemas", ["devx", "devx"]), ["postgres.schemas.1", "each schema once"]],
    ["DigitalOcean's own role", "devx", set("postgres.roles.owner", "doadmin"), ["postgres.roles.owner", "Rename the role."]],
    ["one role for two kinds", "devx", set("postgres.roles.owner", "devx"), ["roles.owner is as well", "each role once"]],
    ["an extension that is SQL", "devx", set("postgres.extensions", ["a; DROP"]), ["postgres.extensions.0"]],
    ["a pool of two letters", "candlefish", rename("postgres.pools", "candlefish_collaboration", "db"), ["postgres.pools.db", "3 to 60"]],
    ["an app name that staging makes too long", "devx", set("apps.devx.name", "a".repeat(25)), ["apps.devx.name", "2 to 24", "-staging"]],
    ["a domain with a scheme", "fluxstudio", set("apps.fluxstudio.domain", "https://fluxstudio.art"), ["without scheme"]],
    ["a component name with a dot", "candlefish", rename("apps.paintbox.components", "paintbox", "a.b"), ["components.a.b", "2 to 32"]],
    ["a component called like a store", "candlefish", rename("apps.paintbox.components", "paintbox", "cache"), ["Rename the component."]],
    [
      "a store called like the database's alias",
      "candlefish",
      set("stores.db", named("candlefish").stores.state),
      ["stores.db", "not db, owner, admin"],
    ],
    [
      "two components of one name",
      "candlefish",
      rename("apps.paintbox.components", "paintbox", "brand-portal"),
      ["Rename one of the two."],
    ],
    ["no api", "devx", rename("apps.devx.components", "api", "web"), ["no component called api", "Call the backend service api."]],
    ["an api that serves nobody", "fluxstudio", swap("apps.fluxstudio.components", "api", "ffmpeg"), ["api.kind", "Make it a service"]],
    ["a deviation that is no requirement", "devx", set("deviations.0.id", "D-1"), ["deviations.0.id", "like F5"]],
    ["a deviation twice", "devx", set("deviations.1.id", "D1"), ["deviations.1.id", "each deviation once"]],
  ];
  it.each(cases)("refuses %s", (_, name, edit, fragments) => {
    const message = said(name, edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("apps", () => {
  const cases: [string, string, Edit, string[]][] = [
    ["a health path without its slash", "devx", set("api.health.path", "health"), ["health.path", 'Write "/health".']],
    ["a probe without its slash", "devx", set("api.health.probes.0.path", "api"), ["probes.0.path", 'Write "/api".']],
    ["a route without its slash", "devx", set("api.routes", ["api"]), ["routes.0", 'Write "/api".']],
    ["a folder without its slash", "devx", set("api.source.dir", "api"), ["source.dir", 'Write "/api".']],
    ["a route of two components", "fluxstudio", set("api.routes", ["/"]), ['which leads to "frontend"', "longer prefix"]],
    ["a check that outlasts the next one", "devx", set("api.health.timeoutSeconds", 11), ["timeoutSeconds", "1 to 10"]],
    ["a repository as a URL", "devx", set("api.source.repo", "https://github.com/a/b"), ["source.repo", "without https://github.com/"]],
    ["a schedule of three fields", "devx", set("schedules.forgetActivity.cron", "0 4 *"), ["forgetActivity.cron", '"0 4 * * 0"']],
    ["a webhook that is made up", "candlefish", set("alerts.slack.webhook", "jwtSecret"), ["alerts.slack.webhook", 'origin: "operator"']],
  ];
  it.each(cases)("refuses %s", (_, name, edit, fragments) => {
    const message = said(name, edit);
    for (const fragment of fragments) expect(message).toContain(fragment);
  });
});

describe("variables", () => {
  const withEnv = (key: string, value: Loose) => said("devx", set(`api.env.${key}`, value));

  it("have names that a shell can set", () => {
    const message = withEnv("node-env", env.plain("x"));
    expect(message).toContain("env.node-env");
    expect(message).toContain("Rename the variable.");
  });

  it.each([
    ["a secret", "JWT_SECRET", "candlefish"],
    ["a database", "DATABASE_URL", "candlefish"],
    ["a store", "REDIS_URL", "candlefish"],
  ])("do not bring %s into a build", (_, key, name) => {
    for (const scope of ["BUILD_TIME", "RUN_AND_BUILD_TIME"]) {
      const message = said(name, set(`api.env.${key}.scope`, scope));
      expect(message).toContain(`env.${key}.scope`);
      expect(message).toContain('Write scope: "RUN_TIME".');
    }
  });

  it("are read by a static site while it is built, or not at all", () => {
    const message = said("fluxstudio", set("apps.fluxstudio.components.frontend.env.API", env.plain("/api")));
    expect(message).toContain("RUN_TIME in a static site");
    expect(message).toContain("Use env.build(…)");
  });

  it.each(["5432", "6379", "25060", "25061", "localhost:5432"])("hold no port of a database: %s [F77]", (value) => {
    const message = withEnv("SERVER", env.plain(value));
    expect(message).toContain("no port of a database or a store");
    expect(message).toContain('env.database("port")');
  });

  it.each(["3000", "30000", "8080", "15432"])("may hold other numbers: %s", (value) => {
    const system: Loose = structuredClone(named("devx"));
    api(system).env.LIMIT = env.plain(value);
    expect(checkSystem(system).name).toBe("devx");
  });

  it.each([
    ["a URL with a password", "postgresql://app:pass@db.example.com/app"],
    ["a private key", "-----BEGIN PRIVATE KEY-----"],
    ["a GitHub token", "ghp_abcdefghij"],
    ["a DigitalOcean password", "AVNS_abc"],
    ["a Slack webhook", "https://hooks.slack.com/services/T0/B0/x"],
    ["a random string", "tR7mQ2xW9kLp4vNc8zBf"],
    ["a digest", "0123456789abcdef0123456789abcdef"],
  ])("refuse %s in plain sight", (_, value) => {
    const message = withEnv("GREETING", env.plain(value));
    expect(message).not.toContain(value);
    expect(message).toContain('Declare a secret and write GREETING: env.secret("…")');
  });

  it.each(["API_KEY", "ADMIN_PASSWORD", "GITHUB_TOKEN"])("are not plain under the name of a secret: %s", (key) => {
    expect(withEnv(key, env.plain("x"))).toContain(`write ${key}: env.secret("…")`);
  });

  it("do not reach past the definition with a reference of App Platform", () => {
    expect(withEnv("URL", env.plain("${db.DATABASE_URL}"))).toContain("no reference");
  });

  it.each([
    ["PGSSLMODE", "require"],
    ["PGSSLMODE", "no-verify"],
    ["OPTIONS", "?sslmode=prefer"],
  ])("verify the server: %s=%s is refused [C19]", (key, value) => {
    expect(withEnv(key, env.plain(value))).toContain('Write env.plain("verify-full").');
  });

  it("cannot turn the verification of certificates off", () => {
    expect(withEnv("NODE_TLS_REJECT_UNAUTHORIZED", env.plain("0"))).toContain("no switch that turns verification off");
  });

  it("hold no address without encryption [C26]", () => {
    const message = withEnv("QUEUE", env.plain("redis://queue/0"));
    expect(message).toContain("rediss://");
    expect(message).toContain('Use env.keyspace("…")');
  });

  it("name a file of certificates only where a run command can write it", () => {
    const message = said("devx", drop("api.source.runCommand"));
    expect(message).toContain("source.runCommand");
    expect(message).toContain('runCommand: "npm start"');
  });

  it("name a file of certificates only where there are some", () => {
    const message = said("devx", drop("api.env.DATABASE_CA_CERT"), drop("api.env.REDIS_CA_CERT"));
    expect(message).toContain('Add DATABASE_CA_CERT: env.database("ca")');
  });

  it("do not need more connections than they wish for", () => {
    expect(withEnv("POSTGRES_POOL_MAX", env.budget(4, 5))).toContain("1 to 4, what it wishes for");
  });

  it("name a driver in a URL only", () => {
    expect(withEnv("POSTGRES_HOST", env.database("host", { driver: "postgresql+asyncpg" }))).toContain('ask for the part "url"');
  });

  it("do not ask for a pool before a replica", () => {
    const message = said("candlefish", set("api.env.DATABASE_URL.replica", true));
    expect(message).toContain("on a read replica");
    expect(message).toContain("pools stand before the primary");
  });
});

describe("several systems", () => {
  const together = (edit: (devx: Loose) => void): string => {
    const devx: Loose = structuredClone(named("devx"));
    edit(devx);
    return messageOf(() => checkSystems([named("fluxstudio"), devx]));
  };
  const cases: [string, Edit, string][] = [
    ["a domain", set("apps.devx.domain", "fluxstudio.art"), "Rename one domain."],
    ["an app name", set("apps.devx.name", "fluxstudio"), "Rename one app name."],
    ["a database", set("postgres.database", "fluxstudio"), "Rename one database."],
    ["a role", set("postgres.roles.runtime", "fluxstudio_user"), "Rename one role."],
    ["a name", set("name", "fluxstudio"), "Rename one name."],
  ];
  it.each(cases)("do not share %s", (_, edit, mend) => {
    const message = together(edit);
    expect(message).toContain("which ");
    expect(message).toContain(mend);
  });

  it("do not share a pool", () => {
    const copy: Loose = structuredClone(named("candlefish"));
    copy.name = "copy";
    expect(messageOf(() => checkSystems([named("candlefish"), copy]))).toContain("copy: postgres.pools.candlefish_collaboration");
  });

  it("may be one more than there are, given as plain data", () => {
    const fourth: Loose = structuredClone(named("devx"));
    fourth.name = "fourth";
    fourth.postgres.database = "fourth";
    fourth.postgres.roles = { owner: "fourth_owner", runtime: "fourth", readonly: "fourth_readonly", backup: "fourth_backup" };
    fourth.apps.devx.name = "fourth";
    expect(checkSystems([...systems, fourth])).toHaveLength(4);
  });
});
