/** What a variable says about the security of a connection: encrypted, verified, or neither. */
import { Secret, type Value } from "../../engine/plan.ts";
import { fingerprintOf } from "../record/parse.ts";
import { type Transport, transportOf } from "../record/transport.ts";
import type { Consequence } from "./compare.ts";

/** @param path of the difference: `spec.service api.env DATABASE_URL.value`, or of the whole variable */
export function* connectionChanged(path: string, before: Value | undefined, after: Value | undefined): Generator<Consequence> {
  const [, name] = /\benv ([^.]+)(?:\.value)?$/.exec(path) ?? [];
  if (name === undefined) return;
  const [old, now] = [before, after].map((value) => readTransport(name, value));
  const [was, is] = [old?.security, now?.security];
  if (is !== undefined && was !== undefined && RANKS.indexOf(is) < RANKS.indexOf(was))
    yield { risk: "danger", note: `${name} connects ${WORDS[is]}, and no longer ${WORDS[was]} (${old!.text} to ${now!.text})` };
  else if (is === "plain" && was === undefined && now!.isSwitch) yield { risk: "danger", note: `${name} allows connections ${WORDS[is]}` };
  else if (is === "encrypted" && was === undefined && now!.isSwitch)
    yield { risk: "danger", note: `${name} switches off the verification of certificates` };
  else if (is === undefined && was === "verified" && old!.isSwitch)
    yield { risk: "care", note: `${name} no longer requires ${old!.text}: what the client does without it decides` };
}

const RANKS = ["plain", "encrypted", "verified"] as const;

const WORDS: Readonly<Record<(typeof RANKS)[number], string>> = {
  plain: "without encryption",
  encrypted: "with encryption, without verification of the server",
  verified: "with encryption and verification of the server",
};

function readTransport(name: string, value: Value | undefined): Transport | undefined {
  const inner =
    value !== null && typeof value === "object" && "value" in value && !(value instanceof Secret)
      ? (value as { value: Value }).value
      : value;
  if (inner instanceof Secret) return fingerprintOf(inner).transport;
  return typeof inner === "string" ? transportOf(name, inner) : undefined;
}
