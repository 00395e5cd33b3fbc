/** One rotation at a time in a project: each changes the file of the stack, and deploys. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Project } from "../../engine/project.ts";
import { lockDirectory } from "../../local/cloud/store/lock.ts";
import { RotateError } from "../../operate/rotate/error.ts";

/** @returns what unlocks. */
export function lockRotation({ root }: Project): () => void {
  const folder = path.join(root, ".slipway", "rotate");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return lockDirectory(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    throw new RotateError(`Another rotation is running in this project. Wait until it ends. ${(error as Error).message}`);
  }
}
