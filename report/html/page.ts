/** The HTML page around a report: one file without scripts and remote content, because untrusted contributors chose parts of it. */
import { createHash } from "node:crypto";
import { html } from "../escape.ts";
import { STYLE } from "./style.ts";

export interface Page {
  readonly title: string;
  /** Style rules of this page only. */
  readonly style: string;
  /** HTML, already escaped. */
  readonly body: string;
}

export function page({ title, style, body }: Page): string {
  const css = `${STYLE}${style}`;
  const hash = createHash("sha256").update(css).digest("base64");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${html(title)}</title><style>${css}</style></head>
<body>
${body}
</body></html>
`;
}

export const tag = (name: string, kind: string, inner: string): string =>
  `<${name}${kind === "" ? "" : ` class="${kind}"`}>${inner}</${name}>`;
export const codeTag = (text: string): string => tag("code", "", html(text));
export const badge = (kind: string, words: string): string => tag("span", `badge ${kind}`, html(words));

/** The line of the program, if it is known. */
export const at = (source: { readonly file: string; readonly line: number } | undefined): string =>
  source === undefined ? "" : tag("code", "at", html(`${source.file}:${source.line}`));

/** Filters made of radio buttons and style rules: they work by keyboard and touch, without a script. */
export const filters = (groups: readonly string[]): string =>
  `<div class="filters" role="group" aria-label="Filters">${groups.join("")}</div>`;

/** One filter with its first choice selected. Style rules select a choice by its id, `name-value`. */
export function group(name: string, legend: string, choices: readonly (readonly [value: string, words: string])[]): string {
  const buttons = choices.map(
    ([value, words], index) =>
      `<label><input type="radio" name="${name}" id="${name}-${value}"${index === 0 ? " checked" : ""}>${html(words)}</label>`,
  );
  return `<fieldset><legend>${legend}</legend>${buttons.join("")}</fieldset>`;
}
