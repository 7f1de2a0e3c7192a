/** Conformance: create, update, status, generation, finalizers, compare-and-swap. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configMapKind, nodeKind } from "@heddle/api";
import { StatusError, type StatusReason } from "../status-error.ts";
import { configMap, node, type StoreUnderTest } from "./harness.ts";

export function writeRules(open: () => Promise<StoreUnderTest>): void {
  createRules(open);
  updateRules(open);
  statusRules(open);
  deleteRules(open);
  concurrencyRules(open);
}

async function refusal(attempt: Promise<unknown>): Promise<StatusReason> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof StatusError, `a store rejects only with StatusError, not ${error}`);
    return error.reason;
  }
  assert.fail("want a refusal");
}

function createRules(open: () => Promise<StoreUnderTest>): void {
  test("create() sets what the server owns", async () => {
    await using opened = await open();
    const made = await opened.store.create(configMapKind, configMap("a", { data: { k: "v" } }));
    const { uid, creationTimestamp, generation, resourceVersion } = made.metadata;
    assert.match(
      uid ?? "",
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.match(creationTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(generation, 1);
    assert.match(resourceVersion ?? "", /^\d+$/);
    assert.deepEqual(made.data, { k: "v" });
    const ref = { name: "a", namespace: "default" };
    assert.deepEqual(await opened.store.get(configMapKind, ref), made);
  });

  test("create() refuses a name that is taken", async () => {
    await using opened = await open();
    await opened.store.create(nodeKind, node("n1"));
    assert.equal(await refusal(opened.store.create(nodeKind, node("n1"))), "AlreadyExists");
  });

  test("create() drops the status", async () => {
    await using opened = await open();
    const made = await opened.store.create(nodeKind, node("n1", { status: { phase: "x" } }));
    assert.equal(made.status?.phase, undefined);
  });

  test("get() of nothing is NotFound", async () => {
    await using opened = await open();
    assert.equal(await refusal(opened.store.get(nodeKind, { name: "none" })), "NotFound");
    const ref = { name: "none", namespace: "default" };
    assert.equal(await refusal(opened.store.get(configMapKind, ref)), "NotFound");
  });
}

function updateRules(open: () => Promise<StoreUnderTest>): void {
  test("update() counts generations only for changes of the desired state", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(nodeKind, node("n1"));
    const metadata = { ...made.metadata, labels: { zone: "a" } };
    const labelled = await store.update(nodeKind, { ...made, metadata });
    assert.equal(labelled.metadata.generation, 1);
    const changed = await store.update(nodeKind, { ...labelled, spec: { unschedulable: true } });
    assert.equal(changed.metadata.generation, 2);
    assert.equal(changed.metadata.uid, made.metadata.uid);
    assert.ok(Number(changed.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
  });

  test("update() that changes nothing makes no revision", async () => {
    await using opened = await open();
    const made = await opened.store.create(configMapKind, configMap("a", { data: { k: "v" } }));
    assert.deepEqual(await opened.store.update(configMapKind, made), made);
  });

  test("update() with a resourceVersion is a compare-and-swap", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(configMapKind, configMap("a", { data: { k: "1" } }));
    await store.update(configMapKind, { ...made, data: { k: "2" } });
    const stale = store.update(configMapKind, { ...made, data: { k: "3" } });
    assert.equal(await refusal(stale), "Conflict");
    const blind = await store.update(configMapKind, configMap("a", { data: { k: "4" } }));
    assert.deepEqual(blind.data, { k: "4" });
  });

  test("update() of another object of the same name is a conflict", async () => {
    await using opened = await open();
    const made = await opened.store.create(configMapKind, configMap("a"));
    const { resourceVersion: _, ...metadata } = made.metadata;
    const other = { ...metadata, uid: "00000000-0000-4000-8000-000000000000" };
    const attempt = opened.store.update(configMapKind, {
      ...made,
      metadata: other,
      data: { k: "v" },
    });
    assert.ok(["Conflict", "Invalid"].includes(await refusal(attempt)));
  });

  test("update() of nothing is NotFound", async () => {
    await using opened = await open();
    assert.equal(await refusal(opened.store.update(configMapKind, configMap("a"))), "NotFound");
    assert.equal(await refusal(opened.store.updateStatus(nodeKind, node("n1"))), "NotFound");
  });
}

function statusRules(open: () => Promise<StoreUnderTest>): void {
  test("status is written apart from the rest", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(nodeKind, node("n1"));
    const status = { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] };
    const spec = { unschedulable: true };
    const reported = await store.updateStatus(nodeKind, { ...made, spec, status });
    assert.deepEqual(reported.status?.addresses, status.addresses);
    assert.equal(reported.spec.unschedulable, undefined);
    assert.equal(reported.metadata.generation, 1);
    const changed = await store.update(nodeKind, { ...reported, spec, status: {} });
    assert.deepEqual(changed.status?.addresses, status.addresses);
    assert.equal(changed.spec.unschedulable, true);
  });

  test("updateStatus() with a resourceVersion is a compare-and-swap", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(nodeKind, node("n1"));
    await store.update(nodeKind, { ...made, spec: { unschedulable: true } });
    const attempt = store.updateStatus(nodeKind, { ...made, status: { phase: "Running" } });
    assert.equal(await refusal(attempt), "Conflict");
  });
}

function deleteRules(open: () => Promise<StoreUnderTest>): void {
  test("delete() removes; a second one is NotFound", async () => {
    await using opened = await open();
    const { store } = opened;
    await store.create(nodeKind, node("n1"));
    await store.delete(nodeKind, { name: "n1" });
    assert.equal(await refusal(store.get(nodeKind, { name: "n1" })), "NotFound");
    assert.equal(await refusal(store.delete(nodeKind, { name: "n1" })), "NotFound");
  });

  test("delete() keeps its preconditions", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(nodeKind, node("n1"));
    const uid = "00000000-0000-4000-8000-000000000000";
    assert.equal(await refusal(store.delete(nodeKind, { name: "n1" }, { uid })), "Conflict");
    const stale = { resourceVersion: "123456789" };
    assert.equal(await refusal(store.delete(nodeKind, { name: "n1" }, stale)), "Conflict");
    await store.delete(nodeKind, { name: "n1" }, { uid: made.metadata.uid ?? "" });
    assert.equal(await refusal(store.get(nodeKind, { name: "n1" })), "NotFound");
  });

  test("a finalizer holds a deletion back", async () => {
    await using opened = await open();
    const { store } = opened;
    const finalizers = ["heddle.io/test"];
    await store.create(nodeKind, node("n1", { metadata: { name: "n1", finalizers } }));
    await store.delete(nodeKind, { name: "n1" });
    const held = await store.get(nodeKind, { name: "n1" });
    assert.match(held.metadata.deletionTimestamp ?? "", /Z$/);
    const added = { ...held.metadata, finalizers: [...finalizers, "heddle.io/other"] };
    assert.equal(await refusal(store.update(nodeKind, { ...held, metadata: added })), "Invalid");
    const { deletionTimestamp: _, ...undeleted } = held.metadata;
    const kept = await store.update(nodeKind, {
      ...held,
      metadata: { ...undeleted, labels: { a: "b" } },
    });
    assert.equal(kept.metadata.deletionTimestamp, held.metadata.deletionTimestamp);
    await store.update(nodeKind, { ...kept, metadata: { ...kept.metadata, finalizers: [] } });
    assert.equal(await refusal(store.get(nodeKind, { name: "n1" })), "NotFound");
  });
}

function concurrencyRules(open: () => Promise<StoreUnderTest>): void {
  test("one of many creates of a name wins", async () => {
    await using opened = await open();
    const attempts = Array.from({ length: 16 }, () => opened.store.create(nodeKind, node("n1")));
    const results = await Promise.allSettled(attempts);
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test("no increment by compare-and-swap is lost", async () => {
    await using opened = await open();
    const { store } = opened;
    const ref = { name: "counter", namespace: "default" };
    await store.create(configMapKind, configMap("counter", { data: { n: "0" } }));
    const increment = async (): Promise<void> => {
      for (;;) {
        const current = await store.get(configMapKind, ref);
        const data = { n: String(Number(current.data?.["n"]) + 1) };
        try {
          await store.update(configMapKind, { ...current, data });
          return;
        } catch (error) {
          if (!(error instanceof StatusError) || error.reason !== "Conflict") throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 12 }, increment));
    const counted = await store.get(configMapKind, ref);
    assert.deepEqual(counted.data, { n: "12" });
    assert.equal(counted.metadata.generation, 13);
  });
}
