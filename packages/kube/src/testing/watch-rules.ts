/** Conformance: watches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configMapKind, nodeKind } from "@heddle/api";
import { isStatus } from "../status-error.ts";
import {
  configMap,
  conformanceLimits,
  node,
  type StoreUnderTest,
  WatchReader,
  watchConfigMaps,
} from "./harness.ts";

export function watchRules(open: () => Promise<StoreUnderTest>): void {
  orderRules(open);
  selectorRules(open);
  resumeRules(open);
}

function orderRules(open: () => Promise<StoreUnderTest>): void {
  test("a watch sees every later change once and in order", async () => {
    await using opened = await open();
    const { store } = opened;
    await store.create(configMapKind, configMap("before"));
    const { resourceVersion } = await store.list(configMapKind);
    await using watch = watchConfigMaps(store, resourceVersion);
    await store.create(configMapKind, configMap("a"));
    await store.create(configMapKind, configMap("b"));
    await store.update(configMapKind, configMap("a", { data: { k: "v" } }));
    await store.delete(configMapKind, { name: "b", namespace: "default" });
    const metadata = { name: "elsewhere", namespace: "kube-system" };
    await store.create(configMapKind, configMap("elsewhere", { metadata }));
    await store.create(configMapKind, configMap("c"));
    const want = ["ADDED a", "ADDED b", "MODIFIED a", "DELETED b", "ADDED c"];
    assert.deepEqual(await watch.take(5), want);
  });

  test("watches from any revision see the same history", async () => {
    await using opened = await open();
    const { store } = opened;
    const { resourceVersion: start } = await store.list(configMapKind);
    const writes = Array.from({ length: 20 }, (_, i) =>
      store.create(configMapKind, configMap(`m${i}`)),
    );
    const made = await Promise.all(writes);
    made.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    const history = made.map(({ metadata }) => `ADDED ${metadata.name}`);
    for (const seenCount of [0, 1, 10, 19]) {
      const from = seenCount === 0 ? start : made[seenCount - 1]?.metadata.resourceVersion;
      await using watch = watchConfigMaps(store, from ?? "");
      assert.deepEqual(await watch.take(20 - seenCount), history.slice(seenCount));
    }
  });

  test("a deleted object comes with the revision of its deletion", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(configMapKind, configMap("a"));
    await store.delete(configMapKind, { name: "a", namespace: "default" });
    const { resourceVersion } = await store.list(configMapKind);
    await using watch = watchConfigMaps(store, made.metadata.resourceVersion ?? "");
    const event = await watch.nextEvent();
    assert.equal(event.type, "DELETED");
    assert.equal("object" in event && event.object.metadata.resourceVersion, resourceVersion);
  });

  test("an aborted watch ends", async () => {
    await using opened = await open();
    const { resourceVersion } = await opened.store.list(nodeKind);
    const abort = new AbortController();
    const options = { resourceVersion, signal: abort.signal };
    const seen: string[] = [];
    setImmediate(() => abort.abort());
    for await (const event of opened.store.watch(nodeKind, options)) seen.push(event.type);
    assert.deepEqual(
      seen.filter((type) => type !== "BOOKMARK"),
      [],
    );
  });
}

function selectorRules(open: () => Promise<StoreUnderTest>): void {
  test("an object that leaves the selection is DELETED for that watch", async () => {
    await using opened = await open();
    const { store } = opened;
    const { resourceVersion } = await store.list(configMapKind);
    await using watch = watchConfigMaps(store, resourceVersion, { labelSelector: "app=web" });
    const labelled = (app: string) =>
      configMap("a", {
        metadata: { name: "a", namespace: "default", labels: { app } },
      });
    await store.create(configMapKind, labelled("db"));
    await store.update(configMapKind, labelled("web"));
    await store.update(configMapKind, { ...labelled("web"), data: { k: "v" } });
    await store.update(configMapKind, labelled("db"));
    await store.update(configMapKind, labelled("web"));
    await store.delete(configMapKind, { name: "a", namespace: "default" });
    const want = ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a"];
    assert.deepEqual(await watch.take(5), want);
  });

  test("a watch selects by field", async () => {
    await using opened = await open();
    const { store } = opened;
    const { resourceVersion } = await store.list(nodeKind);
    const options = { resourceVersion, fieldSelector: "metadata.name=n2" };
    await using watch = new WatchReader(store, nodeKind, options);
    await store.create(nodeKind, node("n1"));
    await store.create(nodeKind, node("n2"));
    assert.equal(await watch.next(), "ADDED n2");
  });
}

function resumeRules(open: () => Promise<StoreUnderTest>): void {
  test("bookmarks say how far a quiet watch has come", async () => {
    await using opened = await open();
    const { store } = opened;
    const { resourceVersion } = await store.list(configMapKind);
    await using watch = watchConfigMaps(store, resourceVersion);
    const made = await store.create(nodeKind, node("n1"));
    for (;;) {
      const event = await watch.nextEvent();
      assert.equal(event.type, "BOOKMARK");
      if (event.type === "BOOKMARK" && event.resourceVersion === made.metadata.resourceVersion)
        break;
    }
  });

  test("a watch from a forgotten revision is Expired", async () => {
    await using opened = await open();
    const { store } = opened;
    const made = await store.create(configMapKind, configMap("a"));
    for (let i = 0; i < conformanceLimits.eventCountMax + 8; i += 1) {
      await store.update(configMapKind, configMap("a", { data: { i: String(i) } }));
    }
    await using watch = watchConfigMaps(store, made.metadata.resourceVersion ?? "");
    await assert.rejects(watch.nextEvent(), (error) => isStatus(error, "Expired"));
  });

  test("a watch from a revision of another history is Expired", async () => {
    await using opened = await open();
    const { resourceVersion } = await opened.store.list(configMapKind);
    await using watch = watchConfigMaps(opened.store, String(Number(resourceVersion) + 1000));
    await assert.rejects(watch.nextEvent(), (error) => isStatus(error, "Expired"));
  });

  test("a watch from what is no revision is BadRequest", async () => {
    await using opened = await open();
    await using watch = watchConfigMaps(opened.store, "yesterday");
    await assert.rejects(watch.nextEvent(), (error) => isStatus(error, "BadRequest"));
  });
}
