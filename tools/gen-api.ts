/**
 * Generates what follows from the schemas of the kinds: TypeScript types (packages/api/src/gen),
 * CRDs (deploy/crds) and the reference (docs/reference). With `--check` it writes nothing and fails
 * when a file differs from what it would write, or when one is there that it would not.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { renderCrd } from "./gen-api/crd.ts";
import { renderReference, renderReferenceIndex } from "./gen-api/reference.ts";
import { coreSources, sources } from "./gen-api/sources.ts";
import { renderTypes } from "./gen-api/types.ts";

const root = path.resolve(import.meta.dirname, "..");
const folders = [
  "packages/api/src/gen",
  "packages/api/src/gen/core",
  "deploy/crds",
  "docs/reference",
];

function render(): Map<string, string> {
  const files = new Map<string, string>();
  for (const source of sources) {
    const { plural, group } = source.kind;
    files.set(`packages/api/src/gen/${source.file}.gen.ts`, renderTypes(source));
    files.set(`deploy/crds/${group}_${plural}.yaml`, renderCrd(source.kind));
    files.set(`docs/reference/${source.file}.md`, renderReference(source.kind));
  }
  for (const source of coreSources) {
    files.set(`packages/api/src/gen/${source.file}.gen.ts`, renderTypes(source));
  }
  files.set("docs/reference/README.md", renderReferenceIndex(sources));
  return files;
}

/** Files in the generated folders that nothing generates. */
function strays(wanted: ReadonlyMap<string, string>): string[] {
  return folders
    .flatMap((folder) => readFolder(folder).map((name) => `${folder}/${name}`))
    .filter((file) => !wanted.has(file));
}

function readFolder(folder: string): string[] {
  mkdirSync(path.join(root, folder), { recursive: true });
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

function differs(file: string, text: string): boolean {
  try {
    return readFileSync(path.join(root, file), "utf8") !== text;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return true;
    throw error;
  }
}

function main(): void {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const wanted = render();
  const stale = [...wanted].filter(([file, text]) => differs(file, text));
  const extra = strays(wanted);
  if (values.check) {
    for (const [file] of stale) console.error(`${file}: differs, run tools/gen-api.ts`);
    for (const file of extra) console.error(`${file}: nothing generates it`);
    if (stale.length + extra.length > 0) process.exitCode = 1;
    return;
  }
  for (const [file, text] of stale) writeFileSync(path.join(root, file), text);
  for (const file of extra) rmSync(path.join(root, file));
  console.log(`${wanted.size} files, ${stale.length} written, ${extra.length} removed`);
}

main();
