/** What people see who run the scripts on a machine that is not ready for them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { after, test } from "node:test";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-setup-"));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755);
mkdirSync(path.join(folder, "tools"));
for (const script of ["setup.sh", "preflight.sh"]) {
  const copy = path.join(folder, "tools", script);
  copyFileSync(path.join(import.meta.dirname, script), copy);
  chmodSync(copy, 0o755);
}
writeFileSync(
  path.join(folder, "tools/debian-packages.txt"),
  "# groups\n[build]\nheddle-no-such-package\n\n[lab]\nbase-files\n",
);

/** Runs the script as a user without privileges. */
function run(script: string, ...args: readonly string[]): string {
  const program = path.join(folder, "tools", script);
  const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program, ...args];
  const result =
    process.getuid?.() === 0
      ? spawnSync("setpriv", asNobody, { cwd: folder, encoding: "utf8" })
      : spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  assert.deepEqual([result.error, result.stdout], [undefined, ""]);
  return `${result.status} ${result.stderr}`;
}

test("preflight.sh says that it needs root", () => {
  const line = "make lab: needs root (network namespaces, eBPF): run it as root";
  assert.equal(run("preflight.sh"), `1 ${line}\n`);
});

test("setup.sh says which packages need root, and how it is called", () => {
  const line = "setup: needs root to install these Debian packages: heddle-no-such-package";
  assert.equal(run("setup.sh", "lab", "build"), `1 ${line}\n`);
  assert.equal(run("setup.sh"), "1 setup: usage: tools/setup.sh npm | GROUP...\n");
});

test("setup.sh refuses a group that it does not know", () => {
  assert.equal(run("setup.sh", "lba"), "1 setup: no group lba in tools/debian-packages.txt\n");
});
