import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type ConfigMap, configMapKind } from "@heddle/api";
import { isStatus, type VersionedStore } from "@heddle/kube";
import { storeConformance } from "@heddle/kube/testing";
import { systemClock, systemRng } from "@heddle/system";
import { openSqliteStore } from "./sqlite-store.ts";

async function scratch(): Promise<AsyncDisposable & { readonly file: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "heddle-sqlite-"));
  return {
    file: path.join(folder, "objects.db"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

function openStore(file: string, limits = {}): VersionedStore {
  const onFailure = (error: Error): never => assert.fail(error);
  return openSqliteStore({ path: file, clock: systemClock, rng: systemRng, limits, onFailure });
}

function configMap(name: string, data: Readonly<Record<string, string>> = {}): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

storeConformance("the SQLite store", async (limits) => {
  const folder = await scratch();
  const store = openStore(folder.file, limits);
  return {
    store,
    async [Symbol.asyncDispose](): Promise<void> {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

test("a reopened SQLite store has the objects, the revision and the history", async () => {
  await using folder = await scratch();
  const first = openStore(folder.file);
  const a = await first.create(configMapKind, configMap("a", { n: "1" }));
  await first.create(configMapKind, configMap("b"));
  const page = await first.list(configMapKind, { limit: 1 });
  await first.update(configMapKind, configMap("a", { n: "2" }));
  await first.delete(configMapKind, { name: "b", namespace: "default" });
  const before = await first.list(configMapKind);
  await first[Symbol.asyncDispose]();

  await using second = openStore(folder.file);
  assert.deepEqual(await second.list(configMapKind), before);
  const signal = AbortSignal.timeout(10_000);
  const resourceVersion = a.metadata.resourceVersion ?? "";
  const seen: string[] = [];
  for await (const event of second.watch(configMapKind, { resourceVersion, signal })) {
    if (event.type === "BOOKMARK") continue;
    seen.push(`${event.type} ${event.object.metadata.name} ${event.object.data?.["n"]}`);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ["ADDED b undefined", "MODIFIED a 2", "DELETED b undefined"]);
  const { continueToken = "" } = page;
  const rest = await second.list(configMapKind, { continueToken });
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    ["b"],
  );
  const made = await second.create(configMapKind, configMap("c"));
  assert.equal(Number(made.metadata.resourceVersion), Number(before.resourceVersion) + 1);
});

test("a reopened SQLite store has forgotten what was compacted", async () => {
  await using folder = await scratch();
  const limits = { eventCountMax: 10 };
  const first = openStore(folder.file, limits);
  const made = await first.create(configMapKind, configMap("a"));
  for (let i = 0; i < 40; i += 1) {
    await first.update(configMapKind, configMap("a", { n: String(i) }));
  }
  await first[Symbol.asyncDispose]();
  await using second = openStore(folder.file, limits);
  const options = { resourceVersion: made.metadata.resourceVersion ?? "" };
  assert.throws(
    () => second.assertWatchable(configMapKind, options),
    (error) => isStatus(error, "Expired"),
  );
  const database = new DatabaseSync(folder.file, { readOnly: true });
  const row = database.prepare("SELECT count(*) AS count FROM events").get();
  database.close();
  assert.ok(Number(row?.["count"]) <= 12, `${row?.["count"]} events are kept, want about 10`);
});

test("a write that SQLite refuses fails and leaves the store usable", async () => {
  await using folder = await scratch();
  await using store = openStore(folder.file);
  await store.create(configMapKind, configMap("a"));
  const other = new DatabaseSync(folder.file);
  other.exec("CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END");
  await assert.rejects(store.create(configMapKind, configMap("b")), /Cannot write .*: no/);
  other.exec("DROP TRIGGER refuse");
  other.close();
  await store.create(configMapKind, configMap("b"));
  const { items } = await store.list(configMapKind);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["a", "b"],
  );
});

test("an SQLite store is opened once at a time", async () => {
  await using folder = await scratch();
  const first = openStore(folder.file);
  assert.throws(() => openStore(folder.file), { name: "StorageError", code: "locked" });
  await first[Symbol.asyncDispose]();
  await openStore(folder.file)[Symbol.asyncDispose]();
});

test("an SQLite store of a newer format is not opened", async () => {
  await using folder = await scratch();
  const database = new DatabaseSync(folder.file);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(() => openStore(folder.file), { name: "StorageError", code: "format" });
});

test("a file that is no database is not opened", async () => {
  await using folder = await scratch();
  const { writeFile } = await import("node:fs/promises");
  await writeFile(folder.file, "this is not a database ".repeat(100));
  assert.throws(() => openStore(folder.file), /not a database/);
});
