/** Local folders with the source of an app, in which the commands of its jobs run. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson } from "../servers/files.ts";

/** Roots of repositories, by `<app>` or `<app>/<component>`. */
export type Sources = Readonly<Record<string, string>>;

export const sourcesFile = (state: string): string => join(state, "sources.json");

export const readSources = (state: string): Sources => readJson<Sources>(sourcesFile(state)) ?? {};

/** Stores folders. A folder replaces the previous one of the same name. */
export function addSources(state: string, sources: Sources): void {
  writeJson(sourcesFile(state), { ...readSources(state), ...sources });
}

/** @returns the local folder with the source of a component, or undefined if none is set */
export function findSource(sources: Sources, app: string, component: string, sourceDir = ""): string | undefined {
  const root = sources[`${app}/${component}`] ?? sources[app];
  return root === undefined ? undefined : join(root, sourceDir);
}

export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
