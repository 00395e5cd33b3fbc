/** Folders of this machine that hold the source of an app: what the commands of its jobs run in. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson } from "../servers/files.ts";

/** The root of a repository, by `<app>` or `<app>/<component>`. */
export type Sources = Readonly<Record<string, string>>;

export const sourcesFile = (state: string): string => join(state, "sources.json");

export const readSources = (state: string): Sources => readJson<Sources>(sourcesFile(state)) ?? {};

/** Remembers folders beside those that are known; a later one for the same name replaces it. */
export function addSources(state: string, sources: Sources): void {
  writeJson(sourcesFile(state), { ...readSources(state), ...sources });
}

/** Where the source of a component begins on this machine; undefined where none was given. */
export function findSource(sources: Sources, app: string, component: string, sourceDir = ""): string | undefined {
  const root = sources[`${app}/${component}`] ?? sources[app];
  return root === undefined ? undefined : join(root, sourceDir);
}

export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
