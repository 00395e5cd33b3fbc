import { describe, expect, it } from "vitest";
import { compare, siblingNames } from "./compare.ts";
import { type Comparison, countDrift, findUnverified } from "./comparison.ts";
import { type AccountObject, kindOf, TYPES } from "./kinds.ts";
import { stepsOf } from "./steps.ts";
import {
  account,
  declarations,
  IDS,
  managed,
  object,
  planned,
  resources,
  STACK_URN,
  state,
  stateResources,
  within,
  without,
} from "./testing/stack.ts";

const edit = (name: string, change: (object: AccountObject) => AccountObject) =>
  account.map((one) => (one.name === name ? change(one) : one));
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe("the comparison of plan, state and account", () => {
  it("finds nothing where all three agree", () => {
    const found = compare({ resources, state, account });
    expect(countDrift(found)).toBe(0);
    expect(found.notes).toEqual([]);
  });

  it("imports what exists under a declared name, with the id that the provider's importer takes", () => {
    const found = compare({
      resources,
      state: without("orders-cluster", "orders-rules", "orders-db", "orders-user-owner", "orders-pool", "shop-app"),
      account,
    });
    const C = IDS.cluster;
    expect(found.toImport.map(({ type, importId }) => [type, importId])).toEqual([
      [TYPES.cluster, C],
      [TYPES.firewall, C],
      [TYPES.database, `${C},orders`],
      [TYPES.user, `${C},orders_owner`],
      [TYPES.pool, `${C},orders`],
      [TYPES.app, IDS.app],
    ]);
    expect(found.toImport.every(({ version }) => version === "4.80.1")).toBe(true);
  });

  it("leaves to up what exists nowhere, and an empty list of sources", () => {
    const rest = account
      .filter(({ type }) => type !== TYPES.user)
      .map((one) => (one.type === TYPES.firewall ? { ...one, properties: { rules: [] } } : one));
    expect(countDrift(compare({ resources, state: without("orders-user-owner", "orders-rules"), account: rest }))).toBe(0);
  });

  it("leaves the settings of a server to up, which writes them again", () => {
    const config = planned({
      type: TYPES.postgresConfig,
      name: "orders-config",
      inputs: {},
      owner: { type: TYPES.cluster, name: "orders-cluster" },
    });
    const setting = { ...within(TYPES.postgresConfig, IDS.cluster, ""), identity: IDS.cluster };
    expect(countDrift(compare({ resources: [...resources, config], state, account: [...account, setting] }))).toBe(0);
  });

  it("reports what was deleted by hand, also if the program no longer declares it", () => {
    const old = managed(TYPES.user, "orders-user-old", `${IDS.cluster}/user/old`, { clusterId: IDS.cluster, name: "old" });
    const found = compare({
      resources,
      state: { resources: [...stateResources, old], pending: [] },
      account: account.filter(({ type }) => type !== TYPES.pool),
    });
    expect(found.gone.map(({ name, isDeclared }) => [name, isDeclared])).toEqual([
      ["orders", true],
      ["old", false],
    ]);
  });

  it("recognizes a cluster that was created again under its name, and everything in it", () => {
    const other = "99999999-0000-4000-8000-000000000009";
    const again = account.map((one) => {
      if (one.type === TYPES.cluster) return { ...one, identity: other, importId: other };
      if (one.owner !== IDS.cluster) return one;
      const identity = one.identity.replace(IDS.cluster, other);
      return { ...one, owner: other, identity, importId: identity };
    });
    const found = compare({ resources, state, account: again });
    expect(found.recreated.map(({ state: before, account: now }) => [before, now])).toContainEqual([
      `${IDS.cluster},orders_owner`,
      `${other},orders_owner`,
    ]);
    expect(found.recreated).toHaveLength(5);
    expect(found.toImport).toHaveLength(5);
    expect(found.gone).toEqual([]);
  });

  it("reads again what the state holds with the error of its creation, because an up would update it first", () => {
    const failed = stateResources.map((one) => (one.type === TYPES.database ? { ...one, incomplete: true } : one));
    const found = compare({ resources, state: { resources: failed, pending: [] }, account });
    expect(names(found.incomplete)).toEqual(["orders"]);
    expect(countDrift(found)).toBe(1);
    const steps = stepsOf(found, { stack: "qa", stackUrn: STACK_URN, file: "f.json" });
    expect(steps.find(({ kind }) => kind === "refresh")?.args.join(" ")).toContain(`**${TYPES.database}::orders-db`);
  });

  it("finds a renamed cluster by its id, and keeps it out of the refresh, after which up would replace it", () => {
    const found = compare({
      resources,
      state,
      account: edit("orders-postgres-qa", (one) => ({ ...one, properties: { ...one.properties, name: "orders" } })),
    });
    expect(found.changed).toMatchObject([
      { replaces: true, properties: [{ property: "name", state: "orders-postgres-qa", account: "orders" }] },
    ]);
    const steps = stepsOf(found, { stack: "qa", stackUrn: STACK_URN, file: "f.json" });
    expect(steps.find(({ kind }) => kind === "refresh")?.args.join(" ")).not.toContain("DatabaseCluster");
  });

  it("compares sources without their order, numbers with texts, and nothing that the program ignores", () => {
    const rules = (list: readonly string[]) =>
      account.map((one) => (one.type === TYPES.firewall ? { ...one, properties: { rules: list } } : one));
    expect(names(compare({ resources, state, account: rules(["ip_addr 0.0.0.0/0", "ip_addr 10.1.0.0/20"]) }).changed)).toEqual([
      "orders-postgres-qa",
    ]);
    const size = edit("orders-postgres-qa", (one) => ({
      ...one,
      properties: { ...one.properties, nodeCount: "1", size: "db-s-2vcpu-4gb" },
    }));
    expect(compare({ resources, state, account: size }).changed[0]?.properties.map(({ property }) => property)).toEqual(["size"]);
    const ignoring = declarations.map((one) =>
      planned(one.type === TYPES.cluster ? { ...one, options: { ignoreChanges: ["size"] } } : one),
    );
    expect(compare({ resources: ignoring, state, account: size }).changed).toEqual([]);
  });

  it("finds an adopted cluster by the id that the program names, whatever its name", () => {
    const adopting = declarations.map((one) => planned(one.type === TYPES.cluster ? { ...one, options: { importId: IDS.cluster } } : one));
    const renamed = edit("orders-postgres-qa", (one) => ({ ...one, name: "old-production" }));
    expect(
      compare({ resources: adopting, state: without("orders-cluster"), account: renamed }).toImport.map(({ importId }) => importId),
    ).toEqual([IDS.cluster]);
  });

  it.each([
    { guarded: "orders-cluster", flags: [] },
    { guarded: "shop-app", flags: ["--protect=false"] },
  ])("imports with protection only where the program protects some of it ($guarded)", ({ guarded, flags }) => {
    const protecting = declarations.map((one) => planned({ ...one, options: { protect: guarded === one.name } }));
    const found = compare({ resources: protecting, state: without("orders-cluster", "orders-user-owner"), account });
    const steps = stepsOf(found, { stack: "qa", stackUrn: STACK_URN, file: "f.json" });
    const args = steps.find(({ kind }) => kind === "import")?.args ?? [];
    expect(args.filter((arg) => arg.startsWith("--protect"))).toEqual(flags);
  });

  it("imports nothing that another stack declares under the same name, and nothing inside of it", () => {
    const siblings = siblingNames(new Map([["staging", resources]]));
    const found = compare({ resources, state: without("orders-cluster", "orders-user-owner", "shop-app"), account, siblings });
    expect(found.toImport).toEqual([]);
    expect(found.shared.map(({ name, stacks }) => [name, stacks])).toEqual([
      ["orders-postgres-qa", ["staging"]],
      ["shop-qa", ["staging"]],
    ]);
    expect(countDrift(found)).toBe(0);
  });

  it("imports what another stack declares too with importsShared, and offers no command that deletes what may be that stack's", () => {
    const key = planned({ type: TYPES.spacesKey, name: "backups-key", inputs: { name: "backups-key" } });
    const check = planned({ type: TYPES.check, name: "api", inputs: { name: "api" } });
    const held = [
      ...account,
      object(TYPES.spacesKey, "DO00", "backups-key"),
      object(TYPES.check, "k1", "api"),
      object(TYPES.check, "k2", "api"),
    ];
    const known = { resources: [...without("shop-app").resources, managed(TYPES.check, "api", "k1", { name: "api" })], pending: [] };
    const input = { resources: [...resources, key, check], state: known, account: held };
    const siblings = siblingNames(new Map([["staging", input.resources]]));
    const found = compare({ ...input, siblings, importsShared: true });
    expect(names(found.toImport)).toEqual(["shop-qa"]);
    expect([found.shared, found.unimportable, found.duplicates]).toEqual([[], [], []]);

    expect(compare(input).duplicates).toMatchObject([{ command: "doctl monitoring uptime delete k2" }]);
    expect(compare(input).unimportable).toMatchObject([{ command: "doctl spaces keys delete DO00" }]);
    expect(findUnverified(compare(input))).toEqual([]);
    const unplanned = compare({ ...input, unplanned: ["staging"] });
    expect([...unplanned.duplicates, ...unplanned.unimportable].map(({ id, command }) => [id, command])).toEqual([
      ["k2", undefined],
      ["DO00", undefined],
    ]);
    expect(names(findUnverified(unplanned))).toEqual(["shop-qa"]);
    expect(
      findUnverified(
        compare({
          ...input,
          state: { resources: [...stateResources, managed(TYPES.check, "api", "k1")], pending: [] },
          unplanned: ["staging"],
        }),
      ),
    ).toEqual([]);
  });

  it("reports a second alert of one entity only, because others of its name may be another stack's", () => {
    const alert = planned({ type: TYPES.alert, name: "cpu", inputs: { description: "cpu", entities: [IDS.cluster] } });
    const known = { resources: [...stateResources, managed(TYPES.alert, "cpu", "a1")], pending: [] };
    const of = (owner: string) => [...account, ...["a1", "a2"].map((id) => ({ ...object(TYPES.alert, id, "cpu"), owner }))];
    const input = { resources: [...resources, alert], state: known };
    expect(names(compare({ ...input, account: of(IDS.cluster) }).duplicates)).toEqual(["cpu"]);
    expect(countDrift(compare({ ...input, account: of("") }))).toBe(0);
  });

  it("imports no firewall of a replica in another stack's cluster", () => {
    const cluster = { type: TYPES.cluster, name: "orders-cluster" };
    const replica = planned({ type: TYPES.replica, name: "orders-replica", inputs: { name: "orders-read" }, owner: cluster });
    const rules = planned({
      type: TYPES.firewall,
      name: "replica-rules",
      inputs: {},
      owner: { type: TYPES.replica, name: "orders-replica" },
    });
    const held = [
      ...account,
      { ...within(TYPES.replica, IDS.cluster, "orders-read"), contains: "r1" },
      { ...within(TYPES.firewall, "r1", ""), identity: "r1", importId: "r1", properties: { rules: ["ip_addr 10.1.0.0/20"] } },
    ];
    const input = { resources: [...resources, replica, rules], state: without("orders-cluster"), account: held };
    expect(names(compare(input).toImport)).toEqual(["orders-postgres-qa", "orders-read", "orders-read"]);
    expect(compare({ ...input, siblings: siblingNames(new Map([["staging", resources]])) }).toImport).toEqual([]);
  });

  it("imports nothing that the state manages under another name, and nothing inside of it", () => {
    const old = stateResources.map((one) =>
      one.type === TYPES.cluster || one.type === TYPES.database || one.type === TYPES.app ? { ...one, urn: `${one.urn}-old` } : one,
    );
    const left = old.filter(({ type }) => type !== TYPES.user);
    const found = compare({ resources, state: { resources: left, pending: [] }, account });
    expect(found.toImport).toEqual([]);
    expect(found.renamed.map(({ urn, stateUrn, isDeleting }) => [stateUrn, isDeleting, urn])).toEqual(
      found.renamed.map(({ urn }) => [`${urn}-old`, false, urn]),
    );
    expect(names(found.renamed)).toEqual(["orders-postgres-qa", "orders", "shop-qa"]);
    expect(countDrift(found)).toBe(0);
  });

  it("imports nothing that a replacement left in the state to be deleted, and offers no command that deletes it", () => {
    const key = planned({ type: TYPES.spacesKey, name: "backups-key", inputs: { name: "backups-key" } });
    const check = planned({ type: TYPES.check, name: "api", inputs: { name: "api" } });
    const held = [
      ...account,
      object(TYPES.spacesKey, "DO00", "backups-key"),
      object(TYPES.check, "k1", "api"),
      object(TYPES.check, "k2", "api"),
    ];
    const found = compare({
      resources: [...resources, key, check],
      state: {
        resources: [...without("shop-app").resources, managed(TYPES.check, "api", "k1", { name: "api" })],
        deleting: [
          managed(TYPES.app, "shop-app", IDS.app),
          managed(TYPES.check, "api", "k2", { name: "api" }),
          managed(TYPES.spacesKey, "backups-key", "DO00"),
        ],
        pending: [],
      },
      account: held,
    });
    expect([found.toImport, found.unimportable, found.duplicates]).toEqual([[], [], []]);
    expect(found.renamed.map(({ name, isDeleting }) => [name, isDeleting])).toEqual([
      ["shop-qa", true],
      ["backups-key", true],
    ]);
  });

  it("reports neither a key nor a second check that may be another stack's", () => {
    const key = planned({ type: TYPES.spacesKey, name: "backups-key", inputs: { name: "backups-key" } });
    const check = planned({ type: TYPES.check, name: "api", inputs: { name: "api" } });
    const held = [
      ...account,
      object(TYPES.spacesKey, "DO00", "backups-key"),
      object(TYPES.check, "k1", "api"),
      object(TYPES.check, "k2", "api"),
    ];
    const known = { resources: [...stateResources, managed(TYPES.check, "api", "k1", { name: "api" })], pending: [] };
    const input = { resources: [...resources, key, check], state: known, account: held };
    expect(countDrift(compare(input))).toBe(2);
    expect(countDrift(compare({ ...input, siblings: siblingNames(new Map([["staging", [key, check]]])) }))).toBe(0);
  });

  it("does not import what differs in what cannot be changed in place, nor what is inside of it", () => {
    const missing = without("net-vpc", "orders-cluster", "orders-user-owner");
    const other = account.map((one) => {
      if (one.type === TYPES.vpc) return { ...one, properties: { ...one.properties, ipRange: "10.9.0.0/20" } };
      return one.type === TYPES.cluster ? { ...one, properties: { ...one.properties, engine: "mysql" } } : one;
    });
    const found = compare({ resources, state: missing, account: other });
    expect(found.toImport).toEqual([]);
    expect(found.conflicting.map(({ name, properties }) => [name, properties])).toEqual([
      ["shop-nyc1-qa", [{ property: "ipRange", program: "10.1.0.0/20", account: "10.9.0.0/20" }]],
      ["orders-postgres-qa", [{ property: "engine", program: "pg", account: "mysql" }]],
    ]);
  });

  it("does not import a cluster of another region, to which up would move it, but compares a cluster that was moved", () => {
    const regional = declarations.map((one) =>
      planned(one.type === TYPES.cluster ? { ...one, inputs: { ...one.inputs, region: "nyc1" } } : one),
    );
    const held = edit("orders-postgres-qa", (one) => ({ ...one, properties: { ...one.properties, region: "ams3" } }));
    const found = compare({ resources: regional, state: without("orders-cluster", "orders-db"), account: held });
    expect(found.conflicting).toMatchObject([{ properties: [{ property: "region", program: "nyc1", account: "ams3" }] }]);
    expect(found.toImport).toEqual([]);

    const known = stateResources.map((one) => (one.type === TYPES.cluster ? { ...one, outputs: { ...one.outputs, region: "nyc1" } } : one));
    const moved = compare({ resources: regional, state: { resources: known, pending: [] }, account: held });
    expect(moved.changed).toMatchObject([{ replaces: false, properties: [{ property: "region", state: "nyc1", account: "ams3" }] }]);
  });

  it("reports a second check of the same name, which an up creates whose request was cut, with the command that deletes it", () => {
    const check = planned({ type: TYPES.check, name: "api", inputs: { name: "shop-api-qa" } });
    const twice = [...account, object(TYPES.check, "k1", "shop-api-qa"), object(TYPES.check, "k2", "shop-api-qa")];
    const resourcesWithCheck = [...resources, check];
    const known = { resources: [...stateResources, managed(TYPES.check, "api", "k2", { name: "shop-api-qa" })], pending: [] };
    expect(compare({ resources: resourcesWithCheck, state: known, account: twice }).duplicates).toMatchObject([
      { name: "shop-api-qa", id: "k1", command: "doctl monitoring uptime delete k1" },
    ]);
    const unknown = compare({ resources: resourcesWithCheck, state, account: twice });
    expect([unknown.toImport.map(({ importId }) => importId), unknown.duplicates.map(({ id }) => id)]).toEqual([["k1"], ["k2"]]);
  });

  it("marks a cluster that is still being created, so that the import waits for it", () => {
    const creating = edit("orders-postgres-qa", (one) => ({ ...one, status: "creating" }));
    expect(compare({ resources, state: without("orders-cluster"), account: creating }).toImport).toMatchObject([{ status: "creating" }]);
  });

  it("does not import a Spaces key, whose secret cannot be read again", () => {
    const key = planned({ type: TYPES.spacesKey, name: "backups-key", inputs: { name: "backups-key" } });
    const found = compare({ resources: [...resources, key], state, account: [...account, object(TYPES.spacesKey, "DO00", "backups-key")] });
    expect(found.toImport).toEqual([]);
    expect(found.unimportable).toMatchObject([{ name: "backups-key", id: "DO00" }]);
  });

  it("notes what looks like the stack's and is declared nowhere, and never lists it as drift", () => {
    const extra = [
      ...account,
      object(TYPES.cluster, "c9", "orders-old-qa"),
      object(TYPES.cluster, "c8", "orders-postgres-prod"),
      within(TYPES.user, IDS.cluster, "intern"),
      within(TYPES.user, IDS.cluster, "doadmin"),
    ];
    const found = compare({ resources, state, account: extra });
    expect(countDrift(found)).toBe(0);
    expect(found.notes).toEqual([expect.stringContaining("DatabaseCluster orders-old-qa"), expect.stringContaining("DatabaseUser intern")]);
  });

  it("leaves out, with one note, what the program or the state gives a provider of its own", () => {
    const provider = "urn:pulumi:qa::shop::pulumi:providers:digitalocean::archive";
    const other = declarations.map((one) =>
      planned(one.type === TYPES.app || one.type === TYPES.vpc ? { ...one, options: { provider } } : one),
    );
    const old = { ...managed(TYPES.vpc, "old-vpc", "v9", { name: "old" }), provider };
    const rest = account.filter(({ type }) => type !== TYPES.vpc);
    const found = compare({ resources: other, state: { resources: [...without("shop-app").resources, old], pending: [] }, account: rest });
    expect(countDrift(found)).toBe(0);
    expect(found.notes).toEqual([
      expect.stringMatching(/^Not compared, because the program gives them a provider of their own, .*: Vpc net-vpc, App shop-app\.$/),
    ]);
  });

  it("notes generated secrets that were lost with the state, where apps still use them", () => {
    const password = { ...planned({ type: "random:index/randomPassword:RandomPassword", name: "jwt", inputs: {} }) };
    const found = compare({ resources: [...resources, password], state: without("shop-app"), account });
    expect(found.notes.join()).toContain("jwt is not in the state, and a generated secret cannot be read back");
  });
});

describe("for any plan, state and account", () => {
  /** Numerical Recipes' generator: the same cases in every run. */
  function generator(seed: number) {
    let value = seed;
    return (below: number): number => {
      value = (Math.imul(value, 1664525) + 1013904223) >>> 0;
      return Math.floor((value / 2 ** 32) * below);
    };
  }

  const cases = Array.from({ length: 500 }, (_, seed) => {
    const next = generator(seed + 1);
    const some = <T>(list: readonly T[]): T[] => list.filter(() => next(3) > 0);
    const pool = [
      ...declarations,
      ...Array.from({ length: next(4) }, (_, index) => ({ ...declarations[4]!, name: `user-${index}`, inputs: { name: `u${index}` } })),
    ];
    const users = pool.slice(declarations.length);
    return {
      resources: [resources[0]!, ...some(pool).map(planned)],
      state: {
        deleting: next(3) === 0 ? some(stateResources.slice(2)) : [],
        resources: some([
          // As if the program had given some of them another name.
          ...stateResources.map((one) => (next(6) === 0 ? { ...one, urn: `${one.urn}-old` } : one)),
          ...users.map(({ name, inputs }) =>
            managed(TYPES.user, name, `${IDS.cluster}/user/${inputs.name}`, {
              clusterId: next(4) === 0 ? "gone" : IDS.cluster,
              name: inputs.name,
            }),
          ),
        ]),
        pending: next(5) === 0 ? [{ urn: declarations[0]!.name, operation: "creating" }] : [],
      },
      account: some([...account, ...users.map(({ inputs }) => within(TYPES.user, IDS.cluster, String(inputs.name)))]),
    };
  });

  const each = (check: (found: Comparison, input: (typeof cases)[number]) => void) => {
    for (const input of cases) check(compare(input), input);
  };

  it("an import is declared, exists in the account and is not in the state under that id", () => {
    each((found, { resources, state, account }) => {
      for (const { urn, importId, type } of found.toImport) {
        expect(resources.some((one) => one.urn === urn)).toBe(true);
        const object = account.find((one) => one.type === type && one.importId === importId);
        expect(object).toBeDefined();
        const entries = [...state.resources, ...state.deleting].filter(
          (one) => one.type === type && kindOf(type)!.identityOf(one) === object?.identity,
        );
        expect(entries, `${importId} is in the state`).toEqual([]);
        const existing = state.resources.find((one) => one.urn === urn);
        if (existing !== undefined) expect(found.recreated.map((one) => one.urn)).toContain(urn);
      }
    });
  });

  it("a resource is in one list only, and every list has each resource once", () => {
    each((found) => {
      const urns = [...found.gone, ...found.recreated, ...found.changed].map(({ urn }) => urn);
      expect(new Set(urns).size).toBe(urns.length);
      const imports = found.toImport.map(({ urn }) => urn);
      expect(new Set(imports).size).toBe(imports.length);
    });
  });

  it("once the repair is applied, a second comparison has nothing to import, nothing gone and nothing created again", () => {
    each((found, input) => {
      const dropped = new Set([...found.gone, ...found.recreated].map(({ urn }) => urn));
      const added = found.toImport.map((one) => {
        const match = input.account.find(({ type, importId }) => type === one.type && importId === one.importId)!;
        return {
          urn: one.urn,
          type: one.type,
          id: match.identity,
          custom: true,
          protect: true,
          incomplete: false,
          outputs: { clusterId: match.owner, name: match.name, ...match.properties },
        };
      });
      const repaired = {
        deleting: input.state.deleting,
        resources: [...input.state.resources.filter(({ urn }) => !dropped.has(urn)), ...added],
        pending: [],
      };
      const again = compare({ ...input, state: repaired });
      expect([again.toImport, again.gone, again.recreated]).toEqual([[], [], []]);
    });
  });

  it("no step deletes, destroys or replaces, and up comes last", () => {
    each((found) => {
      const steps = stepsOf(found, { stack: "qa", stackUrn: STACK_URN, file: "f.json" });
      expect(steps.every(({ args }) => ["cancel", "refresh", "import", "up"].includes(args[0]!))).toBe(true);
      if (steps.length > 0) expect(steps.at(-1)?.kind).toBe("up");
      if (countDrift(found) > found.changed.length + found.unimportable.length) expect(steps[0]?.kind).toBe("cancel");
    });
  });
});
