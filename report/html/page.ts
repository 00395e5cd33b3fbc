/** The shell of a report: one file that asks nobody for anything and runs no script, because what is in it was chosen by strangers. */
import { createHash } from "node:crypto";
import { html } from "../escape.ts";
import { STYLE } from "./style.ts";

export interface Page {
  readonly title: string;
  /** Rules for what is on this page only. */
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

/** Where in the program it is said, as far as that is known. */
export const at = (source: { readonly file: string; readonly line: number } | undefined): string =>
  source === undefined ? "" : tag("code", "at", html(`${source.file}:${source.line}`));

/** Radio buttons and style rules: they work by keyboard and touch, and no script has to be believed. */
export const filters = (groups: readonly string[]): string =>
  `<div class="filters" role="group" aria-label="Filters">${groups.join("")}</div>`;

/** One choice of a filter, the first of which is made; `name-value` is the id by which a style rule asks for it. */
export function group(name: string, legend: string, choices: readonly (readonly [value: string, words: string])[]): string {
  const buttons = choices.map(
    ([value, words], index) =>
      `<label><input type="radio" name="${name}" id="${name}-${value}"${index === 0 ? " checked" : ""}>${html(words)}</label>`,
  );
  return `<fieldset><legend>${legend}</legend>${buttons.join("")}</fieldset>`;
}
