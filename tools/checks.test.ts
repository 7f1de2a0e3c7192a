/** Each check finds what it is for: a bad sample planted in a repository of its own. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

const made: string[] = [];
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

interface Verdict {
  readonly code: number | null;
  readonly lines: readonly string[];
}

const clean: Readonly<Record<string, string>> = {
  "package.json": '{"type":"module"}',
  "packages/low/DEPS": "layer 1\n",
  "packages/low/src/mod.ts": "export const one = 1;\n",
  "packages/high/DEPS": "layer 2\n@heddle/low\nnode:fs # to read\n",
  "packages/high/src/mod.ts":
    'import { readFileSync } from "node:fs";\nimport { one } from "@heddle/low";\nexport { one, readFileSync };\n',
};

/** Runs the check in a repository with these files. */
function check(tool: "check-deps" | "tidy", files: Readonly<Record<string, string>>): Verdict {
  const root = mkdtempSync(path.join(tmpdir(), "heddle-check-"));
  made.push(root);
  execFileSync("git", ["init", "--quiet", root]);
  for (const [file, text] of Object.entries({ ...clean, ...files })) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  const program = path.join(root, ".git", `${tool}.ts`);
  copyFileSync(path.join(import.meta.dirname, `${tool}.ts`), program);
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  return { code: status, lines: stderr.split("\n").filter((line) => line !== "") };
}

function finds(tool: "check-deps" | "tidy", file: string, text: string, ...want: string[]): void {
  assert.deepEqual(check(tool, { [file]: text }), { code: 1, lines: want }, text);
}

test("check-deps accepts what the fences allow", () => {
  assert.deepEqual(check("check-deps", {}), { code: 0, lines: [] });
  const file = "packages/low/src/a.test.ts";
  assert.deepEqual(check("check-deps", { [file]: 'import "node:os";\n' }), { code: 0, lines: [] });
});

test("check-deps finds what the fences forbid", () => {
  const low = "packages/low/src/a.ts";
  finds(
    "check-deps",
    low,
    'import {\n  one,\n} from "@heddle/high";\n',
    `${low}: imports @heddle/high, which packages/low/DEPS does not list`,
    `${low}: layer 1 imports @heddle/high of layer 2`,
  );
  const unlisted = `${low}: imports node:os, which packages/low/DEPS does not list`;
  finds("check-deps", low, 'import type { CpuInfo } from "node:os";\n', unlisted);
  finds("check-deps", low, 'await import("node:os");\n', unlisted);
  finds("check-deps", low, 'export * from "node:os";\n', unlisted);
  finds(
    "check-deps",
    low,
    'import "../../high/src/mod.ts";\n',
    `${low}: ../../high/src/mod.ts leaves the package; import it by name`,
  );
  finds("check-deps", low, 'import "./mod";\n', `${low}: ./mod has no extension`);
  finds("check-deps", "packages/new/src/a.ts", "", "packages/new/src/a.ts: no DEPS file above it");
});

test("check-deps finds cycles", () => {
  const files = {
    "packages/low/src/a.ts": 'import "./b.ts";\n',
    "packages/low/src/b.ts": 'import "./a.ts";\n',
  };
  const cycle = "packages/low/src/a.ts -> packages/low/src/b.ts -> packages/low/src/a.ts";
  assert.deepEqual(check("check-deps", files), { code: 1, lines: [`import cycle: ${cycle}`] });
});

test("tidy accepts a tidy repository", () => {
  assert.deepEqual(check("tidy", { "README.md": "# Title\n" }), { code: 0, lines: [] });
});

test("tidy finds every kind of untidiness", () => {
  const file = "packages/low/src/mod.ts";
  const samples: readonly (readonly [rule: string, line: string])[] = [
    ["type laundering", "const a = b as unknown as C;"],
    ["type laundering", "function f(a: any) {"],
    ["swallowed failure", "} catch (error) {}"],
    ["unfinished", "// TODO: write it"],
    ["narration", "// we now do it"],
    ["hand-written layout", "view.getUint32(12);"],
    ["overlapping interval", "setInterval(async () => {"],
    ["exit in a package", "process.exit(1);"],
    ["shell", 'spawn("ls", { shell: true });'],
    ["line too long", `// ${"x".repeat(98)}`],
  ];
  const lines = samples.map(([, line]) => `${line}\n`);
  const want = samples.map(([rule, line], i) => `${file}:${i + 1}: ${rule}: ${line.slice(0, 90)}`);
  finds("tidy", file, lines.join(""), ...want);
  const pure = "packages/std/src/mod.ts";
  const text = "const now = Date.now();";
  finds("tidy", pure, `${text}\n`, `${pure}:1: ambient effect in pure code: ${text}`);
});

test("tidy finds long files and functions, names that say nothing, and dead files", () => {
  const file = "packages/low/src/mod.ts";
  const long = "const a = 1;\n".repeat(501);
  finds("tidy", file, long, `${file}:1: file too long: 501 lines, want at most 500`);
  const body = `export function f(): void {\n${"  g();\n".repeat(70)}}\n`;
  const head = "72 lines: export function f(): void {";
  finds("tidy", file, body, `${file}:1: function too long: ${head}`);
  const named = "packages/low/src/utils/mod.ts";
  finds("tidy", named, "", `${named}:1: name says nothing: ${named}`);
  const dead = "packages/low/src/dead.ts";
  finds("tidy", dead, "", `${dead}:1: dead file: nothing mentions it`);
  finds("tidy", "docs/a.md", "a\n", "docs/a.md:1: title: want `# Title` on the first line");
});
