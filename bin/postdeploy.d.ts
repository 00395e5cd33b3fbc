/** Does one step's method (`step("Migrations", "create", inputs)`) and resolves to what a dynamic provider answers. */
export function step(kind: string, method: string, ...args: readonly unknown[]): Promise<unknown>;

/** Every error in the files of these systems, which needs no server: "sql/shop/002_orders.sql:3:1: …". Folders are relative to the working directory. */
export function findFileErrors(
  systems: readonly { readonly system: string; readonly migrations?: string; readonly keyspaces?: string }[],
): Promise<string[]>;

/** Ends this process when the engine that started it has ended, if it is the process of a dynamic provider. */
export function stopWithEngine(): Promise<void>;
