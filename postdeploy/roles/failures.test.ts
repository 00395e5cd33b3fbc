/** What a run does when a statement fails, when another run has the lock, and when the session ends. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startServer, type TestServer } from "../migrate/testing/server.ts";
import { applyRoles, type RolesOptions } from "./index.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;

let server: TestServer;
let databases = 0;
let database: string;
let options: RolesOptions;

beforeAll(async () => {
  server = await startServer({ major: 17 });
  await server.sql("CREATE ROLE doadmin LOGIN CREATEROLE CREATEDB");
  for (const role of Object.values(roles)) await server.sql(`CREATE ROLE ${role} LOGIN; GRANT ${role} TO doadmin WITH ADMIN OPTION`);
});
afterAll(() => server.stop());

/** A database that the step has never run in. */
beforeEach(async () => {
  database = `shop_${++databases}`;
  await server.sql(`CREATE DATABASE ${database} OWNER doadmin`);
  options = {
    connection: { url: server.url(database, "doadmin") },
    ...{ database, roles, schemas: ["public"], extensions: [], statementTimeoutSeconds: 30 },
  };
});

/** Makes the server run `action` in the transaction of each run, where the run creates the ledger's schema. `attempt` counts from 1, also over rollbacks. */
async function onCreateSchema(action: string): Promise<void> {
  await server.sql(
    `CREATE SEQUENCE public.attempts;
     CREATE FUNCTION public.intercept() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       DECLARE attempt int := nextval('public.attempts');
       BEGIN ${action} END $$;
     CREATE EVENT TRIGGER intercept ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.intercept()`,
    database,
  );
  onTestFinished(async () => void (await server.sql("DROP EVENT TRIGGER intercept", database)));
}
const attempts = async () => Number((await server.sql("SELECT last_value FROM public.attempts", database))[0]!.last_value);
const hasLedger = async () => (await server.sql("SELECT FROM pg_namespace WHERE nspname = 'slipway'", database)).length === 1;

describe("a run that fails", () => {
  it.each([
    ["a missing privilege", "42501", "no"],
    ["an internal error", "XX000", "could not find tuple concurrently updated"],
  ])("is not attempted again after %s, and changes nothing", async (_, state, message) => {
    await onCreateSchema(`RAISE EXCEPTION '${message}' USING ERRCODE = '${state}';`);
    await expect(applyRoles(options)).rejects.toThrow(message);
    expect(await attempts()).toBe(1);
    expect(await hasLedger()).toBe(false);
  });

  it.each([
    ["a serialization failure", "40001", "could not serialize access"],
    ["a deadlock", "40P01", "deadlock detected"],
    ["an entry of the catalog that another run made", "23505", "duplicate key value violates unique constraint"],
    ["a schema that another run created", "42P06", 'schema "slipway" already exists'],
    ["a relation that another run created", "42P07", 'relation "x" already exists'],
    ["an object that another run created", "42710", 'role "x" already exists'],
    ["an object that another run changed", "XX000", "tuple concurrently updated"],
  ])("is attempted again after %s", async (_, state, message) => {
    await onCreateSchema(`IF attempt = 1 THEN RAISE EXCEPTION '${message}' USING ERRCODE = '${state}'; END IF;`);
    expect((await applyRoles(options)).statements).toContain('CREATE SCHEMA "slipway"');
    expect(await attempts()).toBe(2);
    expect((await applyRoles(options)).statements).toEqual([]);
  });

  it("is given up after eight conflicts in a row", async () => {
    await onCreateSchema("RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';");
    await expect(applyRoles(options)).rejects.toThrow('deadlock detected\n  in: CREATE SCHEMA "slipway"\n  Nothing was changed.');
    expect(await attempts()).toBe(8);
  });

  it("names the administrator if the user lacks the privilege", async () => {
    await server.sql("CREATE SCHEMA vault", database);
    await expect(applyRoles({ ...options, schemas: ["vault"] })).rejects.toThrow(
      /^permission denied for schema vault\n {2}in: GRANT .*\n {2}doadmin lacks the privilege\. Run the step as doadmin, which must be/,
    );
  });

  it("names the system definition if the user may not create the extension", async () => {
    await expect(applyRoles({ ...options, extensions: ["file_fdw"] })).rejects.toThrow(
      /^permission denied to create extension "file_fdw"\n.*\n {2}If DigitalOcean does not support the extension, remove it from the system definition\.$/,
    );
  });

  it("reports that nothing was changed", async () => {
    await expect(applyRoles({ ...options, schemas: ["pg_shop"] })).rejects.toThrow(
      /^unacceptable schema name "pg_shop"\n {2}in: CREATE SCHEMA "pg_shop"\n {2}Nothing was changed\.$/,
    );
  });

  it("reports why the server ended the session", async () => {
    await onCreateSchema("PERFORM pg_terminate_backend(pg_backend_pid());");
    await expect(applyRoles(options)).rejects.toThrow("terminating connection due to administrator command");
    expect(await hasLedger()).toBe(false);
  });
});

describe("a run that waits", () => {
  it("for a lock of another session is cancelled by the server after ten seconds", async () => {
    await server.sql("CREATE TABLE public.observed (lock_timeout text)", database);
    await onCreateSchema("INSERT INTO public.observed SELECT current_setting('lock_timeout');");
    await applyRoles(options);
    expect(await server.sql("SELECT lock_timeout FROM public.observed", database)).toEqual([{ lock_timeout: "10s" }]);
  });

  /** Shares the lock of the step. @returns the session's pid */
  async function share(user: string): Promise<number> {
    const client = new pg.Client({ connectionString: server.url(database, user), application_name: `session of ${user}` });
    onTestFinished(() => client.end());
    await client.connect();
    const { rows } = await client.query("SELECT pg_backend_pid() AS pid, pg_advisory_lock_shared($1)", [0x726f6c65]);
    return rows[0].pid as number;
  }

  it.each([
    ["after another session", ["shop", "doadmin"]],
    ["before another session", ["doadmin", "shop"]],
  ] as const)("for a run that took the lock %s names that run, and changes nothing", async (_, users) => {
    const pids: Record<string, number> = {};
    for (const user of users) pids[user] = await share(user);
    const failure = await applyRoles(options, { lockWaitMs: 0 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "Failure", code: "locked", exit: 75 });
    expect((failure as Error).message).toBe(
      `Another run of the roles step is not finished after 0 s: pid ${pids.doadmin} (session of doadmin). Nothing was changed. Run again when it has finished.`,
    );
    expect(await hasLedger()).toBe(false);
  });
});
