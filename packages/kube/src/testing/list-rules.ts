/** Conformance: lists, namespaces, selectors, pages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigMap, configMapKind, nodeKind } from "@heddle/api";
import { isStatus } from "../status-error.ts";
import type { ListResult, Store } from "../store.ts";
import { configMap, conformanceLimits, node, type StoreUnderTest } from "./harness.ts";

export function listRules(open: () => Promise<StoreUnderTest>): void {
  selectionRules(open);
  pageRules(open);
}

function names(list: ListResult<{ readonly metadata: { readonly name: string } }>): string[] {
  return list.items.map(({ metadata }) => metadata.name);
}

async function fill(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await store.create(configMapKind, configMap(`m${i}`));
}

function selectionRules(open: () => Promise<StoreUnderTest>): void {
  test("list() is sorted and knows namespaces", async () => {
    await using opened = await open();
    const { store } = opened;
    await store.create(configMapKind, configMap("b"));
    await store.create(configMapKind, configMap("a"));
    const metadata = { name: "c", namespace: "kube-system" };
    await store.create(configMapKind, configMap("c", { metadata }));
    assert.deepEqual(names(await store.list(configMapKind)), ["a", "b", "c"]);
    const inDefault = await store.list(configMapKind, { namespace: "default" });
    assert.deepEqual(names(inDefault), ["a", "b"]);
    assert.deepEqual(names(await store.list(configMapKind, { namespace: "none" })), []);
  });

  test("list() selects by label and by field", async () => {
    await using opened = await open();
    const { store } = opened;
    const labelled = (name: string, tier: string) => ({ name, labels: { tier } });
    await store.create(nodeKind, node("n1", { metadata: labelled("n1", "a") }));
    await store.create(nodeKind, node("n2", { metadata: labelled("n2", "b") }));
    await store.create(nodeKind, node("n3", { spec: { providerID: "p" } }));
    const by = async (options: object) => names(await store.list(nodeKind, options));
    assert.deepEqual(await by({ labelSelector: "tier in (a,b)" }), ["n1", "n2"]);
    assert.deepEqual(await by({ labelSelector: "tier!=a" }), ["n2", "n3"]);
    assert.deepEqual(await by({ labelSelector: "!tier" }), ["n3"]);
    assert.deepEqual(await by({ fieldSelector: "metadata.name=n2" }), ["n2"]);
    assert.deepEqual(await by({ fieldSelector: "spec.providerID=p" }), ["n3"]);
    assert.deepEqual(await by({ fieldSelector: "spec.providerID!=p,metadata.name!=n1" }), ["n2"]);
  });

  test("list() refuses a selector that does not parse", async () => {
    await using opened = await open();
    const { store } = opened;
    const isBad = (error: unknown): boolean => isStatus(error, "BadRequest");
    await assert.rejects(store.list(nodeKind, { labelSelector: "a in (b" }), isBad);
    await assert.rejects(store.list(nodeKind, { fieldSelector: "spec.nosuch=1" }), isBad);
    await assert.rejects(store.list(nodeKind, { continueToken: "garbage" }), isBad);
  });
}

function pageRules(open: () => Promise<StoreUnderTest>): void {
  test("pages stay at the revision of the first one", async () => {
    await using opened = await open();
    const { store } = opened;
    await fill(store, 5);
    const first = await store.list(configMapKind, { namespace: "default", limit: 2 });
    assert.deepEqual(names(first), ["m0", "m1"]);
    assert.equal(first.remainingItemCount, 3);
    await store.create(configMapKind, configMap("m11"));
    await store.delete(configMapKind, { name: "m2", namespace: "default" });
    await store.update(configMapKind, configMap("m3", { data: { late: "yes" } }));
    const rest: ConfigMap[] = [];
    let continueToken = first.continueToken;
    while (continueToken !== undefined) {
      const options = { namespace: "default", limit: 2, continueToken };
      const page = await store.list(configMapKind, options);
      assert.equal(page.resourceVersion, first.resourceVersion);
      rest.push(...page.items);
      continueToken = page.continueToken;
    }
    assert.deepEqual(
      rest.map(({ metadata }) => metadata.name),
      ["m2", "m3", "m4"],
    );
    assert.equal(rest[1]?.data, undefined);
  });

  test("a page whose revision is forgotten is Expired", async () => {
    await using opened = await open();
    const { store } = opened;
    await fill(store, 3);
    const { continueToken = "" } = await store.list(configMapKind, { limit: 1 });
    for (let i = 0; i < conformanceLimits.eventCountMax + 8; i += 1) {
      await store.update(configMapKind, configMap("m0", { data: { i: String(i) } }));
    }
    await assert.rejects(store.list(configMapKind, { limit: 1, continueToken }), (error) =>
      isStatus(error, "Expired"),
    );
  });
}
