import path from "node:path";

/** A file of the checkout that this command belongs to, bundled or not. */
export function repositoryFile(name: string): string {
  const root = import.meta.url.endsWith(".ts") ? "../../.." : "..";
  return path.resolve(import.meta.dirname, root, name);
}
