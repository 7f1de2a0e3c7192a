/** Bundles the measured agent as the product is bundled, with what runs beside it. */
import { cpSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "../..");

/** Makes `agent-main.mjs` in `directory` and returns its path. @throws when a part is not built */
export async function bundleAgent(directory: string): Promise<string> {
  await build({
    entryPoints: {
      "agent-main": path.join(import.meta.dirname, "agent-main.ts"),
      "kernel-worker": path.join(root, "packages/dataplane/src/kernel-worker.ts"),
    },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    logLevel: "warning",
    // CommonJS dependencies inside an ES module bundle still call require.
    banner: {
      js: 'import { createRequire as heddleRequire } from "node:module"; const require = heddleRequire(import.meta.url);',
    },
  });
  cpSync(path.join(root, "packages/native/build/heddle.node"), path.join(directory, "heddle.node"));
  cpSync(path.join(root, "bpf/build/heddle.bpf.o"), path.join(directory, "heddle.bpf.o"));
  return path.join(directory, "agent-main.mjs");
}
