/** The client's copy of a kind while the server and the way to it come and go. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type ConfigMap, configMapKind } from "@heddle/api";
import {
  defaultHttpLimits,
  HttpStore,
  Informer,
  type InformerChange,
  readKubeconfig,
  type Store,
} from "@heddle/kube";
import { silentLog } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { Gate } from "./gate.ts";
import { removeCertificates, startTestServer, type TestServer } from "./test-server.ts";

after(removeCertificates);

/** What the informer says, word for word, and a way to wait for it. */
class Changes {
  readonly log: string[] = [];
  #wake: () => void = () => undefined;

  readonly add = (change: InformerChange<ConfigMap>): void => {
    const { name } = (change.type === "deleted" ? change.previous : change.object).metadata;
    const value = change.type === "deleted" ? "" : `=${change.object.data?.["v"]}`;
    this.log.push(`${change.type} ${name}${value}`);
    this.#wake();
  };

  /** Resolves when `count` changes have come. */
  async reach(count: number): Promise<void> {
    while (this.log.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

interface Setup extends AsyncDisposable {
  readonly server: TestServer;
  readonly gate: Gate;
  readonly informer: Informer<ConfigMap>;
  readonly changes: Changes;
}

async function setup(eventCountMax = 1000): Promise<Setup> {
  await using owned = new AsyncDisposableStack();
  const server = owned.use(await startTestServer({ storeLimits: { eventCountMax } }));
  const gate = owned.use(await Gate.open(server.port));
  const access = await readKubeconfig(server.kubeconfig("admin"));
  const through = { ...access, server: new URL(`https://127.0.0.1:${gate.port}`) };
  const store = owned.use(new HttpStore(through, defaultHttpLimits));
  const changes = new Changes();
  const informer = owned.use(
    new Informer({
      ...{ store, kind: configMapKind, namespace: "default", onChange: changes.add },
      ...{ clock: systemClock, rng: systemRng, log: silentLog },
    }),
  );
  await informer.synced;
  const all = owned.move();
  const dispose = (): Promise<void> => all.disposeAsync();
  return { server, gate, informer, changes, [Symbol.asyncDispose]: dispose };
}

async function write(store: Store, name: string, v: string): Promise<void> {
  const metadata = { name, namespace: "default" };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { v } } as const;
  const { items } = await store.list(configMapKind, { namespace: "default" });
  const isKnown = items.some((item) => item.metadata.name === name);
  if (isKnown) await store.update(configMapKind, object);
  else await store.create(configMapKind, object);
}

function remove(store: Store, name: string): Promise<void> {
  return store.delete(configMapKind, { name, namespace: "default" });
}

test("an informer goes on after its connection was reset, and tells each change once", async () => {
  await using it = await setup();
  const { store } = it.server;
  await write(store, "a", "1");
  await write(store, "b", "1");
  await it.changes.reach(2);
  it.gate.shut();
  await write(store, "a", "2");
  await remove(store, "b");
  await write(store, "c", "1");
  it.gate.reopen();
  await it.changes.reach(5);
  assert.deepEqual(it.changes.log, [
    "added a=1",
    "added b=1",
    "updated a=2",
    "deleted b",
    "added c=1",
  ]);
  assert.deepEqual(
    it.informer
      .list()
      .map(({ metadata }) => metadata.name)
      .sort(),
    ["a", "c"],
  );
});

test("an informer lists anew when the server has forgotten its revision", async () => {
  await using it = await setup(8);
  const { store } = it.server;
  await write(store, "a", "0");
  await write(store, "b", "0");
  await it.changes.reach(2);
  it.gate.shut();
  for (let i = 1; i <= 20; i += 1) await write(store, "a", String(i));
  await remove(store, "b");
  it.gate.reopen();
  await it.changes.reach(4);
  assert.deepEqual(it.changes.log.slice(2).sort(), ["deleted b", "updated a=20"]);
});

test("an informer follows a server that was replaced by one with another history", async () => {
  await using it = await setup();
  for (const name of ["a", "b", "c"]) await write(it.server.store, name, "1");
  await it.changes.reach(3);
  it.gate.shut();
  await using other = await startTestServer();
  await write(other.store, "b", "2");
  it.gate.reopen(other.port);
  await it.changes.reach(6);
  assert.deepEqual(it.changes.log.slice(3).sort(), ["deleted a", "deleted c", "updated b=2"]);
});

test("an informer says what is wrong while the server is away, and that it is well again", async () => {
  await using it = await setup();
  it.gate.shut();
  while (it.informer.lastError === undefined) await new Promise(setImmediate);
  assert.match(it.informer.lastError.message, /^(Cannot reach https|Watch of configmaps broke)/);
  assert.ok(it.informer.isSynced, "the copy is still the best that is known");
  it.gate.reopen();
  await write(it.server.store, "a", "1");
  await it.changes.reach(1);
  assert.equal(it.informer.lastError, undefined);
});

test("HttpStore says when the server refuses its token, and when it does not trust the server", async () => {
  await using server = await startTestServer();
  const access = await readKubeconfig(server.kubeconfig("viewer"));
  using stranger = new HttpStore({ ...access, token: "not-a-token" });
  await assert.rejects(stranger.list(configMapKind), {
    name: "StatusError",
    reason: "Unauthorized",
  });
  const { ca: _ca, ...trustless } = access;
  using untrusting = new HttpStore(trustless);
  await assert.rejects(untrusting.list(configMapKind), { reason: "ServiceUnavailable" });
});
