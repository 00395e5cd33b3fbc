import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { z } from "zod";
import type { Backing } from "../backing.ts";
import { type CreateClusterRequest, createCluster } from "../databases/clusters.ts";
import { type Cloud, type CloudOptions, openCloud } from "../open-cloud.ts";
import { recordOnly } from "../record-only.ts";

/** Run after each test, last added first. */
export const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "slipway cloud "));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens a cloud for one test. Its clock moves only by `tick`. */
export async function openTestCloud(
  options: Partial<CloudOptions> = {},
): Promise<Cloud & { readonly tick: (milliseconds: number) => void }> {
  let time = Date.parse("2026-11-20T12:00:00Z");
  const cloud = await openCloud({ backing: recordOnly, now: () => time, ...options, directory: options.directory ?? temporaryDirectory() });
  let open = true;
  const close = async () => {
    if (open) await cloud.close();
    open = false;
  };
  cleanups.push(close);
  return {
    ...cloud,
    close,
    tick: (milliseconds) => {
      time += milliseconds;
    },
  };
}

/** A backing that runs nothing and records its calls. */
export function recordingBacking(overrides: Partial<Backing> = {}): { readonly backing: Backing; readonly calls: string[] } {
  const calls: string[] = [];
  const entries = Object.entries({ ...recordOnly, ...overrides }).map(([name, method]) => [
    name,
    (...args: unknown[]) => {
      calls.push(
        [name, ...args.map((arg) => (typeof arg === "object" && arg !== null && "name" in arg ? arg.name : JSON.stringify(arg)))].join(" "),
      );
      return (method as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  return { backing: Object.fromEntries(entries) as Backing, calls };
}

export const POSTGRES = { name: "pg-test", engine: "pg", version: "17", region: "nyc3", size: "db-s-1vcpu-2gb", num_nodes: 1 };
export const VALKEY = { name: "valkey-test", engine: "valkey", version: "8", region: "nyc3", size: "db-s-1vcpu-1gb", num_nodes: 1 };

export async function createOnlineCluster(cloud: Cloud, request: z.infer<typeof CreateClusterRequest> = POSTGRES): Promise<string> {
  const { id } = await createCluster(cloud, request);
  await cloud.idle();
  return id;
}
