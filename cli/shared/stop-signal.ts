const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs what the first signal ends early, and ends itself with its result. A second signal ends the process. */
export async function withStopSignal<T>(work: (signal: AbortSignal) => Promise<T>, stop = new AbortController()): Promise<T> {
  const abort = () => stop.abort();
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, abort);
  }
}
