/** What `probe` gives as soon as it is not undefined. @throws Error after `limitMs` */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  limitMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() >= deadline) throw new Error(`${what}: not in ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
