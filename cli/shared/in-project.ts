import { ProjectError } from "../../engine/projecterror.ts";

/** Databases, stores and backups need no project. Without one there is no local platform. @returns undefined outside of a project */
export async function inProject<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ProjectError) return undefined;
    throw error;
  }
}
