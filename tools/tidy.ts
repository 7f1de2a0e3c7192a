/**
 * House rules that the linter does not know (CONTRIBUTING.md). Each finding is `file:line: rule:
 * text`. Sizes: a file at most 500 lines, a function at most 70 (tests and generated files
 * excepted), a line at most 100 columns. Banned text, banned names, dead files.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const fileLinesMax = 500;
const functionLinesMax = 70;
const lineColumnsMax = 100;

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** Files the rule applies to; product code when absent. */
  readonly where?: (file: string) => boolean;
}

const pureFolders =
  /^packages\/(std|inet|codec|reconcile|bgp|vpn|ipam|api|vrouter)\/src\/|\/plan\.ts$|\/fsm\//;

const rules: readonly Rule[] = [
  {
    name: "type laundering",
    pattern: /\bas (any|never|unknown as)\b|: any\b|<any>|@ts-(ignore|nocheck|expect-error)/,
  },
  { name: "swallowed failure", pattern: /catch\s*(\(\w+\))?\s*\{\s*\}/ },
  {
    name: "unfinished",
    pattern: /\b(TODO|FIXME|XXX)\b|not (yet )?implemented|in a real |for now\b/i,
  },
  {
    name: "narration",
    pattern: /(\/\/|\*) *(we (now|will)|now we|first,|finally,|previously|used to|no longer)/i,
  },
  {
    name: "hand-written layout",
    pattern: /\.[gs]et(Ui|I|BigUi|BigI)nt(8|16|32|64)\((0x[0-9a-fA-F]+|[1-9][0-9]*)\b/,
    where: (file) => isProduct(file) && !/^packages\/(codec|inet|bgp)\//.test(file),
  },
  {
    name: "ambient effect in pure code",
    pattern:
      /Date\.now\(|new Date\(\)|performance\.now|Math\.random\(|\bset(Timeout|Interval|Immediate)\(|\bprocess\.\w|console\.|from "node:/,
    where: (file) => isProduct(file) && pureFolders.test(file),
  },
  { name: "overlapping interval", pattern: /setInterval\(async/ },
  {
    name: "exit in a package",
    pattern: /process\.exit\(/,
    // `system` is what mains share.
    where: (file) => file.startsWith("packages/") && !file.startsWith("packages/system/"),
  },
  { name: "shell", pattern: /shell: *true|\bexecSync\(|(?<![.\w])exec\(/ },
];

const bannedNames = /(^|[/-])(utils?|helpers?|common|misc|managers?|factory|impl)(\.tsx?$|\/)/i;

const findings: string[] = [];

function isProduct(file: string): boolean {
  return /^(packages|apps)\//.test(file) && !/\.(test|gen)\.ts$|\/(test|testing)\//.test(file);
}

function main(): void {
  const files = trackedFiles();
  const code = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".gen.ts"));
  for (const file of code) checkFile(file, readFileSync(path.join(root, file), "utf8"));
  for (const file of files.filter((name) => name.endsWith(".md"))) checkMarkdown(file);
  checkDeadFiles(code);
  if (findings.length > 0) {
    console.error(findings.slice(0, 60).join("\n"));
    if (findings.length > 60) console.error(`${findings.length - 60} more`);
    process.exitCode = 1;
  }
}

function trackedFiles(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const out = execFileSync("git", args, { cwd: root, encoding: "utf8" });
  // A file that is deleted but not committed yet is still tracked.
  return [...new Set(out.split("\n"))].filter(
    (line) => line !== "" && existsSync(path.join(root, line)),
  );
}

function report(file: string, line: number, rule: string, text: string): void {
  findings.push(`${file}:${line}: ${rule}: ${text.trim().slice(0, 90)}`);
}

function checkFile(file: string, source: string): void {
  const lines = source.split("\n");
  const isTest = file.endsWith(".test.ts");
  if (bannedNames.test(file)) report(file, 1, "name says nothing", file);
  if (!isTest && lines.length - 1 > fileLinesMax) {
    report(file, 1, "file too long", `${lines.length - 1} lines, want at most ${fileLinesMax}`);
  }
  for (const [i, line] of lines.entries()) {
    if ([...line].length > lineColumnsMax && !/https?:|["'`]/.test(line)) {
      report(file, i + 1, "line too long", line);
    }
    for (const rule of rules) {
      const applies = rule.where === undefined ? isProduct(file) : rule.where(file);
      if (applies && rule.pattern.test(line)) report(file, i + 1, rule.name, line);
    }
  }
  if (!isTest) checkFunctions(file, lines);
}

/**
 * The formatter puts a body's closing brace at the indentation of its head, so lines can be
 * counted.
 */
function checkFunctions(file: string, lines: readonly string[]): void {
  const heads = [
    /(?:async )?function\b/,
    /(?:(?:static|async|override|get|set|private) )*[#\w[\].]+\(.*\{$/,
    /const \w+ = (?:async )?\(.*=> \{$/,
  ];
  const anyHead = heads.map(({ source }) => source).join("|");
  const head = new RegExp(`^(\\s*)(?:export )?(?:${anyHead})`);
  for (const [i, line] of lines.entries()) {
    const match = head.exec(line);
    if (match === null || /^\s*(if|for|while|switch|return|catch)\b/.test(line)) continue;
    const end = lines.findIndex((other, at) => at > i && other.startsWith(`${match[1]}}`));
    if (end - i + 1 > functionLinesMax) {
      report(file, i + 1, "function too long", `${end - i + 1} lines: ${line}`);
    }
  }
}

function checkMarkdown(file: string): void {
  const first = readFileSync(path.join(root, file), "utf8").split("\n")[0] as string;
  if (!first.startsWith("# ")) report(file, 1, "title", "want `# Title` on the first line");
}

/** A file that nothing imports, runs or names is dead. */
function checkDeadFiles(code: readonly string[]): void {
  const everything = trackedFiles().filter((file) =>
    /\.(ts|json|sh)$|(^|\/)Makefile$|^bin\//.test(file),
  );
  const texts = everything.map(
    (file) => [file, readFileSync(path.join(root, file), "utf8")] as const,
  );
  for (const file of code) {
    if (/\.test\.ts$|\/mod\.ts$|\/main\.ts$/.test(file)) continue;
    const base = path.basename(file).replace(/\.ts$/, "");
    const used = texts.some(([other, text]) => other !== file && mentions(text, base));
    if (!used && !file.startsWith("bench/")) report(file, 1, "dead file", "nothing mentions it");
  }
}

function mentions(text: string, base: string): boolean {
  return text.includes(`/${base}.ts`) || text.includes(`"${base}"`) || text.includes(`/${base}.`);
}

main();
