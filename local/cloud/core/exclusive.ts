/** One at a time for each key, in the order of asking: two requests for the same cluster must not both find a name free. */
export function exclusives(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = tails.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => {}).finally(() => tails.get(key) === tail && tails.delete(key));
    tails.set(key, tail);
    return mine;
  };
}
