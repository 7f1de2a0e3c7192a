/**
 * Makes `dist/`: one bundle per main and per worker thread, with the addon, the CNI executable and
 * the eBPF objects beside them. `heddle.mjs`, `heddle-agent.mjs`, `heddle-controller.mjs`,
 * `heddle-apiserver.mjs` and `heddle-route-server.mjs` run with Node alone.
 */
import { cpSync, existsSync, globSync, mkdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

const mains: Readonly<Record<string, string>> = {
  heddle: "apps/cli/src/main.ts",
  "heddle-agent": "apps/agent/src/main.ts",
  "heddle-controller": "apps/controller/src/main.ts",
  "heddle-apiserver": "apps/apiserver/src/main.ts",
  "heddle-route-server": "apps/route-server/src/main.ts",
};

/** Files that run beside the bundles, and where they are built. */
const companions: Readonly<Record<string, string>> = {
  "heddle.node": "packages/native/build/heddle.node",
  "heddle.bpf.o": "bpf/build/heddle.bpf.o",
  "heddle-cni": "cni/build/heddle-cni",
  "heddle-enter": "packages/lab/build/heddle-enter",
  "heddle-echo": "packages/lab/build/heddle-echo",
};

async function main(): Promise<void> {
  mkdirSync(dist, { recursive: true });
  const entryPoints: Record<string, string> = {};
  for (const [name, file] of Object.entries(mains)) {
    if (existsSync(path.join(root, file))) entryPoints[name] = path.join(root, file);
  }
  const threads = globSync("packages/*/src/**/*-{worker,main}.ts", { cwd: root });
  for (const file of threads.filter((name) => !name.includes("/testing/"))) {
    entryPoints[path.basename(file, ".ts")] = path.join(root, file);
  }
  await build({
    entryPoints,
    outdir: dist,
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
  for (const [name, file] of Object.entries(companions)) {
    if (existsSync(path.join(root, file))) cpSync(path.join(root, file), path.join(dist, name));
  }
}

await main();
