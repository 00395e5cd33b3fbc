/** One rotation at a time in a project: each changes the file of the stack, and deploys. */
import path from "node:path";
import type { Project } from "../../engine/project.ts";
import { lockCommand } from "../../local/cloud/store/lock.ts";
import { RotateError } from "../../operate/rotate/error.ts";

/** @returns what unlocks. */
export const lockRotation = ({ root }: Project): (() => void) =>
  lockCommand(
    path.join(root, ".slipway", "rotate"),
    ({ message }) => new RotateError(`Another rotation is running in this project. Wait until it ends. ${message}`),
  );
