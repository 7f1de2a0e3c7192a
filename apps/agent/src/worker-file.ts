/** Where the threads' entry points are: beside the bundle, or in the sources of their packages. */

/** Undefined when run from source: each package knows its own. */
export function bundledWorker(name: string): URL | undefined {
  return import.meta.url.endsWith(".ts") ? undefined : new URL(`./${name}.mjs`, import.meta.url);
}
