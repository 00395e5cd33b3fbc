/**
 * Which user of a role a stack uses, in the file of the stack: `slipway:<system>.credentials.<role>`. The program reads the same setting, so `pulumi up` and
 * a rotation never undo each other.
 */
import { type Document, isMap, YAMLMap } from "yaml";
import { USER_SLOTS, type UserSlot } from "../../catalog/alternate-user.ts";
import { parseStackFile, quoted, type StackFile, setIn, writeStackFile } from "../stack-file.ts";
import { RotateError } from "./error.ts";

export interface Credential {
  readonly active: UserSlot;
  /** The day since which it is used. */
  readonly since?: string;
  /** The other user, until its password is replaced. */
  readonly retiring?: UserSlot;
}

export interface CredentialSetting extends StackFile {
  /** "slipway:fluxstudio" */
  readonly key: string;
  /** "runtime" */
  readonly role: string;
}

/** @returns undefined for a role that was never rotated */
export function readCredential(setting: CredentialSetting): Credential | undefined {
  return credentialIn(parse(setting), setting);
}

/**
 * Replaces the setting and nothing else in the file.
 *
 * @param before What the caller based its decision on.
 * @throws {RotateError} if the file has another value by now
 */
export function writeCredential(setting: CredentialSetting, before: Credential | undefined, after: Credential): void {
  const document = parse(setting);
  const current = credentialIn(document, setting);
  if (JSON.stringify(current) !== JSON.stringify(before))
    throw new RotateError(
      `${setting.name}: ${pathOf(setting)} has changed since this run read it, so another run is rotating the same role. See: slipway rotate status`,
    );
  setIn(document, ["config", setting.key, "credentials", setting.role], mapOf(after));
  writeStackFile(setting, document);
}

/** The day of the last rotation of the keys of buckets, in the setting that the program reads. */
export const KEYS_ROTATED = "slipway:keysRotated";

export function writeKeysRotated(file: StackFile, today: string): void {
  const document = parse(file);
  setIn(document, ["config", KEYS_ROTATED], quoted(today));
  writeStackFile(file, document);
}

/** The day of the last rotation of the generated secrets of a system. @param key "slipway:fluxstudio" */
export function writeSecretsRotated(file: StackFile, key: string, today: string): void {
  const document = parse(file);
  setIn(document, ["config", key, "rotated"], quoted(today));
  writeStackFile(file, document);
}

const pathOf = ({ key, role }: CredentialSetting): string => `${key}.credentials.${role}`;

function mapOf({ active, since, retiring }: Credential): YAMLMap {
  const map = new YAMLMap<string, unknown>();
  map.set("active", active);
  if (since !== undefined) map.set("since", quoted(since));
  if (retiring !== undefined) map.set("retiring", retiring);
  return map;
}

const parse = (file: StackFile): Document => parseStackFile(file, (problem) => new RotateError(problem));

function credentialIn(document: Document, setting: CredentialSetting): Credential | undefined {
  const node = document.getIn(["config", setting.key, "credentials", setting.role]);
  if (node === undefined || node === null) return undefined;
  const { active, since, retiring } = isMap(node) ? (node.toJSON() as Readonly<Record<string, unknown>>) : {};
  const isSlot = (value: unknown): value is UserSlot => (USER_SLOTS as readonly unknown[]).includes(value);
  if (!isSlot(active) || !(since === undefined || typeof since === "string") || !(retiring === undefined || isSlot(retiring)))
    throw new RotateError(
      `${setting.name}: ${pathOf(setting)} must have active: a or b, and may have since: a day in quotes, and retiring: a or b. See docs/rotate.md.`,
    );
  return { active, ...(since !== undefined && { since }), ...(retiring !== undefined && { retiring }) };
}
