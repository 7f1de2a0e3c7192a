import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileSystemProblems, kernelProblems } from "../preflight.ts";
import { findCgroup2, labCgroup } from "./cgroup.ts";
import { takeLock } from "./lock.ts";
import { identify, isAlive, terminate } from "./process.ts";
import { readRecord, readRecords, writeRecord } from "./process-record.ts";

test("a process is ours only with its start time", async () => {
  const child = spawn("sleep", ["1000"]);
  const it = identify(child.pid as number);
  assert.ok(it !== undefined && isAlive(it));
  const stranger = { ...it, startTicks: it.startTicks - 1 };
  assert.equal(isAlive(stranger), false);
  await terminate(stranger, 100);
  assert.equal(isAlive(it), true);
  await terminate(it, 5000);
  assert.equal(isAlive(it), false);
});

test("terminate() kills what ignores SIGTERM", async () => {
  const child = spawn("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const it = identify(child.pid as number);
  assert.ok(it !== undefined);
  await terminate(it, 50);
  assert.equal(isAlive(it), false);
});

test("records are read back by label", (t) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "heddle-records-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const record = { pid: 1, startTicks: 2, bootId: "b", argv: ["x"], logFile: "/x.log" };
  writeRecord(directory, { ...record, label: "zebra" });
  writeRecord(directory, { ...record, label: "bgpd" });
  assert.deepEqual(
    readRecords(directory).map(({ label }) => label),
    ["bgpd", "zebra"],
  );
  assert.equal(readRecord(directory, "ospfd"), undefined);
  assert.deepEqual(readRecords(path.join(directory, "none")), []);
});

test("takeLock() refuses while a living process has it, and takes over from a dead one", (t) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "heddle-lock-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, "lock");
  {
    using _lock = takeLock(file);
    assert.throws(() => takeLock(file), {
      message: `Cannot change the lab: process ${process.pid} is changing it, wait for its end`,
    });
  }
  assert.equal(existsSync(file), false);
  for (const left of ["", JSON.stringify({ pid: 1, startTicks: 0, bootId: "other" })]) {
    writeFileSync(file, left);
    using _lock = takeLock(file);
    assert.equal(existsSync(file), true);
  }
});

test("findCgroup2() finds the unified mount and the hybrid one", () => {
  const unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw";
  const hybrid = "40 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
  assert.equal(findCgroup2(`1 0 8:1 / / rw - ext4 /dev/sda rw\n${unified}`), "/sys/fs/cgroup");
  assert.equal(findCgroup2(hybrid), "/sys/fs/cgroup/unified");
  assert.equal(findCgroup2("31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"), undefined);
  assert.notEqual(labCgroup("/c", "/run/a"), labCgroup("/c", "/run/b"));
});

test("preflight names an old kernel and a missing file system", () => {
  assert.deepEqual(kernelProblems("5.10.0-28-amd64"), [
    "kernel 5.10.0-28-amd64: want 6.1 or later",
  ]);
  assert.deepEqual(kernelProblems("6.0.19"), ["kernel 6.0.19: want 6.1 or later"]);
  assert.deepEqual(kernelProblems("6.1.0-18-amd64"), []);
  assert.deepEqual(kernelProblems("7.0.0"), []);
  assert.deepEqual(fileSystemProblems("nodev\tsysfs\nnodev\tbpf\n"), []);
  assert.equal(fileSystemProblems("nodev\tsysfs\n").length, 1);
});
