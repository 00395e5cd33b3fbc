/** Which route an app's router takes. */

/** The one with the longest matching prefix. @returns undefined where none matches */
export function findRoute<Route extends { readonly prefix: string }>(routes: readonly Route[], path: string): Route | undefined {
  return routes.filter(({ prefix }) => path.startsWith(prefix)).toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}
