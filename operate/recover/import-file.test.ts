import { describe, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { createImportFile } from "./import-file.ts";
import { TYPES } from "./kinds.ts";
import { account, COMPONENT, IDS, object, planned, resources, without } from "./testing/stack.ts";

describe("the import file", () => {
  it("names a parent that the state has, and the version of the provider", () => {
    const state = without("orders-user-owner");
    expect(createImportFile(compare({ resources, state, account }).toImport, resources, state)).toEqual({
      nameTable: { shop_index_Postgres_orders: COMPONENT },
      resources: [
        {
          type: "digitalocean:index/databaseUser:DatabaseUser",
          name: "shop_index_Postgres_digitalocean_index_databaseUser_DatabaseUser_orders_user_owner",
          logicalName: "orders-user-owner",
          id: `${IDS.cluster},orders_owner`,
          parent: "shop_index_Postgres_orders",
          version: "4.80.1",
        },
      ],
    });
  });

  it("adds the components that the state lacks before what they contain, each once", () => {
    const state = without("orders", "orders-user-owner", "shop-app");
    const file = createImportFile(compare({ resources, state, account }).toImport, resources, state);
    expect(file.nameTable).toEqual({});
    expect(file.resources.map(({ logicalName, component = false }) => [logicalName, component])).toEqual([
      ["orders", true],
      ["orders-user-owner", false],
      ["shop-app", false],
    ]);
  });

  it("gives a name to each of two resources whose names differ in a mark only", () => {
    const extra = ["a-b", "a_b"].map((name) => planned({ type: TYPES.app, name, inputs: { spec: { name } } }));
    const all = [...resources, ...extra];
    const held = [...account, object(TYPES.app, "1", "a-b"), object(TYPES.app, "2", "a_b")];
    const file = createImportFile(compare({ resources: all, state: without(), account: held }).toImport, all, without());
    expect(file.resources.map(({ name, logicalName, id }) => [name.replace(/.*App_/, ""), logicalName, id])).toEqual([
      ["a_b", "a-b", "1"],
      ["a_b_2", "a_b", "2"],
    ]);
  });

  it("is refused where a resource's parent exists nowhere", () => {
    const state = without("orders", "shop-app");
    const found = compare({ resources, state, account });
    expect(() => createImportFile(found.toImport, resources.slice(1), state)).toThrow(
      "orders is neither in the state nor in the account, so what belongs to it cannot be imported. Create it first: pulumi up --target",
    );
  });
});
