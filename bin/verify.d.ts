/** Does one step's method (`step("Verification", "create", inputs)`) and resolves to what a dynamic provider answers. */
export function step(kind: string, method: string, ...args: readonly unknown[]): Promise<unknown>;
