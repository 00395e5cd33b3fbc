/**
 * `describe` and `it` for a mutation run. Test files import it instead of vitest (see loader.ts), so that one process can run a file again for
 * each mutant. `expect` is vitest's own.
 */
export { expect } from "vitest";

type Hook = () => unknown;
type Body = (...args: never[]) => unknown;

interface Suite {
  readonly name: string;
  readonly tests: (Suite | Test)[];
  readonly before: Hook[];
  readonly after: Hook[];
  readonly beforeEach: Hook[];
  readonly afterEach: Hook[];
}
interface Test {
  readonly name: string;
  readonly run: Hook;
}

let current: Suite = newSuite("");
/** What the running test registered with `onTestFinished`. */
const finishers: Hook[] = [];

function newSuite(name: string): Suite {
  return { name, tests: [], before: [], after: [], beforeEach: [], afterEach: [] };
}

/** Calls `load`, which imports a test file, and @returns what the file declared. */
export async function collect(load: () => Promise<unknown>): Promise<Suite> {
  const suite = newSuite("");
  current = suite;
  await load();
  return suite;
}

/** @returns the name of the first test that failed, and why. The tests after it do not run. */
export async function firstFailure(suite: Suite, outer: Suite[] = []): Promise<string | undefined> {
  const around = [...outer, suite];
  let failure: string | undefined;
  try {
    for (const hook of suite.before) await hook();
    for (const item of suite.tests) {
      failure = "run" in item ? await failureOf(item, around) : await firstFailure(item, around);
      if (failure !== undefined) break;
    }
  } catch (error) {
    failure = `${suite.name}: ${messageOf(error)}`;
  }
  for (const hook of suite.after)
    try {
      await hook();
    } catch (error) {
      failure ??= `after ${suite.name}: ${messageOf(error)}`;
    }
  return failure;
}

async function failureOf({ name, run }: Test, around: readonly Suite[]): Promise<string | undefined> {
  try {
    for (const hook of around.flatMap(({ beforeEach }) => beforeEach)) await hook();
    try {
      await run();
    } finally {
      for (const hook of finishers.splice(0)) await hook();
      for (const hook of around.toReversed().flatMap(({ afterEach }) => afterEach)) await hook();
    }
    return undefined;
  } catch (error) {
    return `${name}: ${messageOf(error)}`;
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}

type Options = number | { readonly timeout?: number; readonly meta?: unknown };

/** The function stands last, or before a timeout. */
const bodyOf = (args: readonly unknown[]) => args.find((arg) => typeof arg === "function") as Body | undefined;

function addTest(name: string, ...args: (Body | Options)[]): void {
  const body = bodyOf(args);
  if (body) current.tests.push({ name, run: () => (body as Hook)() });
}

function addSuite(name: string, ...args: (Body | Options)[]): void {
  const body = bodyOf(args);
  if (!body) return;
  const suite = newSuite(name);
  const parent = current;
  parent.tests.push(suite);
  current = suite;
  (body as Hook)();
  current = parent;
}

type Add = typeof addTest;

/** `it.each(rows)(name, body)`: a row that is a list is spread into arguments. */
const eachOf =
  (add: Add) =>
  (rows: readonly unknown[]) =>
  (name: string, ...args: (Body | Options)[]) => {
    const body = bodyOf(args) as ((...row: unknown[]) => unknown) | undefined;
    for (const row of rows) add(name, () => body?.(...(Array.isArray(row) ? row : [row])));
  };

const skip = () => {};

function withModifiers(add: Add) {
  return Object.assign(add, {
    each: eachOf(add),
    skip,
    skipIf: (condition: unknown) => (condition ? skip : withModifiers((name, ...args) => add(name, ...args))),
    runIf: (condition: unknown) => (condition ? withModifiers((name, ...args) => add(name, ...args)) : skip),
  });
}

export const it = withModifiers(addTest);
export const describe = withModifiers(addSuite);
export const onTestFinished = (hook: Hook): void => void finishers.unshift(hook);
export const beforeAll = (hook: Hook): void => void current.before.push(hook);
export const beforeEach = (hook: Hook): void => void current.beforeEach.push(hook);
export const afterEach = (hook: Hook): void => void current.afterEach.unshift(hook);
export const afterAll = (hook: Hook): void => void current.after.unshift(hook);
