/** Changes single settings in a stack's file, and nothing else in it. */
import { readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { type Document, isMap, parseDocument, Scalar, YAMLMap } from "yaml";

export interface StackFile {
  readonly path: string;
  /** For messages. */
  readonly name: string;
}

/** @throws the error that `toError` makes of what is wrong */
export function parseStackFile({ path, name }: StackFile, toError: (problem: string) => Error): Document {
  const document = parseDocument(readFileSync(path, "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw toError(`${name} is not valid YAML: ${error.message}`);
  return document;
}

/** Sets a value below maps that are created where they are missing. */
export function setIn(document: Document, steps: readonly string[], value: unknown): void {
  for (let depth = 1; depth < steps.length; depth++) {
    const parent = steps.slice(0, depth);
    if (!isMap(document.getIn(parent))) document.setIn(parent, new YAMLMap());
  }
  document.setIn(steps, value);
}

/** A day or a time: Pulumi reads it as text only in quotes. */
export function quoted(time: string): Scalar {
  const scalar = new Scalar(time);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** The file may be a link, which stays one. A reader never sees half of a file. */
export function writeStackFile({ path }: StackFile, document: Document): void {
  const file = realpathSync(path);
  const draft = `${file}.new`;
  writeFileSync(draft, document.toString({ lineWidth: 0 }), { mode: statSync(file).mode, flush: true });
  renameSync(draft, file);
}
