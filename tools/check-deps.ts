/**
 * The fences of the house. Every folder with source lies under a `DEPS` file (the nearest one above
 * it counts); it names the layer of its package and lists, one per line, what files below it may
 * import:
 *
 *     layer 2
 *     @heddle/std
 *     node:fs
 *     ajv
 *
 * Rejected: an import that is not listed; a package import that does not point to a lower layer; a
 * path that reaches into another package; a relative import without its extension; an import cycle
 * between files. `import type` counts like any other import. Test files may also import `node:*`
 * and `fast-check`.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

interface Fence {
  readonly folder: string;
  readonly layer: number | undefined;
  readonly allowed: ReadonlySet<string>;
}

const root = path.resolve(import.meta.dirname, "..");
const problems: string[] = [];

function main(): void {
  const files = sourceFiles();
  const fences = new Map<string, Fence>();
  for (const file of trackedFiles("DEPS")) fences.set(path.dirname(file), readFence(file));
  const graph = new Map<string, string[]>();
  for (const file of files) graph.set(file, checkFile(file, fences));
  for (const cycle of findCycles(graph)) problems.push(`import cycle: ${cycle.join(" -> ")}`);
  if (problems.length > 0) {
    console.error(problems.slice(0, 50).join("\n"));
    if (problems.length > 50) console.error(`${problems.length - 50} more`);
    process.exitCode = 1;
  }
}

function trackedFiles(pattern: string): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--", `*${pattern}`];
  const out = execFileSync("git", args, { cwd: root, encoding: "utf8" });
  // A file that is deleted but not committed yet is still tracked.
  return [...new Set(out.split("\n"))].filter(
    (line) => line !== "" && existsSync(path.join(root, line)),
  );
}

function sourceFiles(): string[] {
  return trackedFiles(".ts").filter((file) => /^(packages|apps)\/[^/]+\/(src|test)\//.test(file));
}

function readFence(file: string): Fence {
  const lines = readFileSync(path.join(root, file), "utf8").split("\n");
  const words = lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  const layerLine = words.find((line) => line.startsWith("layer "));
  return {
    folder: path.dirname(file),
    layer: layerLine === undefined ? undefined : Number(layerLine.slice(6)),
    allowed: new Set(words.filter((line) => !line.startsWith("layer "))),
  };
}

function fenceOf(folder: string, fences: ReadonlyMap<string, Fence>): Fence | undefined {
  for (let at = folder; at !== "."; at = path.dirname(at)) {
    const fence = fences.get(at);
    if (fence !== undefined) return fence;
  }
  return undefined;
}

/** The layer of `@heddle/x` is written in `packages/x/DEPS`. */
function layerOf(packageFolder: string, fences: ReadonlyMap<string, Fence>): number | undefined {
  return fences.get(packageFolder)?.layer;
}

/** Reports what `file` may not import and returns the project files it does import. */
function checkFile(file: string, fences: ReadonlyMap<string, Fence>): string[] {
  const fence = fenceOf(path.dirname(file), fences);
  if (fence === undefined) {
    problems.push(`${file}: no DEPS file above it`);
    return [];
  }
  const isTest = file.endsWith(".test.ts") || /\/(test|testing)\//.test(file);
  const targets: string[] = [];
  for (const specifier of importsOf(readFileSync(path.join(root, file), "utf8"))) {
    if (specifier.startsWith(".")) {
      targets.push(...checkRelative(file, specifier));
      continue;
    }
    const name = packageNameOf(specifier);
    if (!fence.allowed.has(name) && !(isTest && /^(node:|fast-check$)/.test(name))) {
      problems.push(`${file}: imports ${name}, which ${fence.folder}/DEPS does not list`);
    }
    if (name.startsWith("@heddle/")) checkLayer(file, name, fences);
  }
  return targets;
}

function checkRelative(file: string, specifier: string): string[] {
  const target = path.normalize(path.join(path.dirname(file), specifier));
  if (!/\.(ts|json|node)$/.test(specifier)) {
    problems.push(`${file}: ${specifier} has no extension`);
    return [];
  }
  if (packageFolderOf(target) !== packageFolderOf(file)) {
    problems.push(`${file}: ${specifier} leaves the package; import it by name`);
    return [];
  }
  return target.endsWith(".ts") ? [target] : [];
}

function checkLayer(file: string, name: string, fences: ReadonlyMap<string, Fence>): void {
  const own = layerOf(packageFolderOf(file), fences);
  const other = layerOf(`packages/${name.slice("@heddle/".length)}`, fences);
  if (own === undefined || other === undefined) {
    problems.push(`${file}: ${name}: no layer in its DEPS or in that of ${packageFolderOf(file)}`);
  } else if (other >= own) {
    problems.push(`${file}: layer ${own} imports ${name} of layer ${other}`);
  }
}

function packageFolderOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

/**
 * `@scope/name` or `name` of a specifier that may carry a sub-path; `node:` specifiers are kept
 * whole.
 */
function packageNameOf(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Module specifiers of import and export declarations and of dynamic imports with a literal. */
function importsOf(source: string): string[] {
  const statement = /^\s*(?:import|export)\s(?:[^"'`;]*?\sfrom\s+)?["']([^"'\n]+)["']/gm;
  const multiline = /^\s*(?:import|export)\s[^"'`;]*?\sfrom\s+["']([^"'\n]+)["']/gm;
  const dynamic = /\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;
  const found = new Set<string>();
  for (const pattern of [statement, multiline, dynamic]) {
    for (const match of source.matchAll(pattern)) found.add(match[1] as string);
  }
  return [...found];
}

/** Every cycle that a depth-first walk closes, once. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  const walk = (file: string, stack: string[]): void => {
    const at = stack.indexOf(file);
    if (at >= 0) {
      cycles.push([...stack.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    stack.push(file);
    const targets = graph.get(file);
    for (const target of targets === undefined ? [] : targets) walk(target, stack);
    stack.pop();
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return cycles;
}

main();
