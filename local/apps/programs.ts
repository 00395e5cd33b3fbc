/** Programs that run in place of placeholder services, by `<app>/<component>`. */
import { join } from "node:path";
import { readJson, writeJson } from "../servers/files.ts";

export type Programs = Readonly<Record<string, string>>;

const programsFile = (state: string): string => join(state, "programs.json");

const readPrograms = (state: string): Programs => readJson<Programs>(programsFile(state)) ?? {};

/** Stores programs. A program replaces the previous one of the same component. @returns whether one of them is new */
export function addPrograms(state: string, programs: Programs): boolean {
  const before = readPrograms(state);
  writeJson(programsFile(state), { ...before, ...programs });
  return Object.entries(programs).some(([name, program]) => before[name] !== program);
}

/** @returns undefined where the placeholder runs */
export const findProgram = (state: string, app: string, component: string): string | undefined =>
  readPrograms(state)[`${app}/${component}`];
