/** Our speaker as a route server: `route-server-main.ts`, bundled as the product is bundled. */
import { cpSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import type { Contestant } from "./contestant.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Makes the bundle in `directory`. @throws when the addon is not built */
export async function bundleHeddle(directory: string): Promise<string> {
  await build({
    entryPoints: { "route-server": path.join(import.meta.dirname, "route-server-main.ts") },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    sourcemap: "linked",
    logLevel: "warning",
    // CommonJS dependencies inside an ES module bundle still call require.
    banner: {
      js: 'import { createRequire as heddleRequire } from "node:module"; const require = heddleRequire(import.meta.url);',
    },
  });
  cpSync(path.join(root, "packages/native/build/heddle.node"), path.join(directory, "heddle.node"));
  return path.join(directory, "route-server.mjs");
}

/** Taking samples is work, too. */
const profiledIdleCpuMs = 40;

/** `file` is the bundle. CPU profiles go to `profileDirectory` when there is one. */
export function heddle(file: string, profileDirectory: string | undefined): Contestant {
  const options =
    profileDirectory === undefined
      ? []
      : ["--cpu-prof", "--cpu-prof-interval=500", `--cpu-prof-dir=${profileDirectory}`];
  return {
    name: "heddle",
    ...(profileDirectory === undefined ? {} : { idleCpuMs: profiledIdleCpuMs }),
    refusal: () => undefined,
    prepare: (what, directory) => {
      const caseFile = path.join(directory, "case.json");
      writeFileSync(caseFile, JSON.stringify(what));
      const named =
        profileDirectory === undefined
          ? []
          : [`--cpu-prof-name=${what.id}-${path.basename(directory)}.cpuprofile`];
      return { program: process.execPath, args: [...options, ...named, file, caseFile] };
    },
  };
}
