/** What slipway's local DigitalOcean API and the programs that use it agree on. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";

/** The port of stack `local`, unless its file names another. */
export const API_PORT = 4010;

/** On every answer: the project whose API this is. Two projects on one machine may each have one. */
export const PROJECT_HEADER = "x-slipway-project";

/** Answers without a token, for a client that wants to know whose API this is before it sends one. */
export const PROJECT_PATH = "/_slipway/project";

/** Leads a browser to the status page of the platform. Without a token: a link cannot send one. */
export const PAGE_PATH = "/_slipway/page";

/** A digest, so that an answer does not name a folder of this machine. @param root The folder of Pulumi.yaml. */
export const projectId = (root: string): string => createHash("sha256").update(realpathSync(root)).digest("hex").slice(0, 16);
