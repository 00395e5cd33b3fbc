/** The way around a component's opinion on one of its children: fields to set, or a function that edits the arguments. */
export type Transform<Args> = Partial<Args> | ((args: Args) => void);

/** The caller's transform works on a copy: what the component wrote down stays what it wrote. */
export function transformed<Args extends object>(args: Args, transform: Transform<Args> | undefined): Args {
  const copy = { ...args };
  if (typeof transform === "function") transform(copy);
  else Object.assign(copy, transform);
  return copy;
}
