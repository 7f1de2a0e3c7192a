import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubeObject, type ResourceKind, type Secret, secretKind } from "@heddle/api";
import { parseAsn, parseIp, parseIp4 } from "@heddle/inet";
import { MemoryStore, type ObjectRef, StatusError } from "@heddle/kube";
import { seededRng, VirtualClock } from "@heddle/std";
import { BgpPasswords } from "./bgp-passwords.ts";
import type { NodeBgp, NodePeer } from "./plan-node-bgp.ts";

function peer(name: string): NodePeer {
  return {
    origin: `bgppeer/${name}`,
    address: parseIp("172.16.0.0"),
    asn: parseAsn(65201),
    kind: "fabric",
    families: ["IPv4Unicast"],
    importPolicy: "AcceptDefaultOnly",
    exportPolicy: "AnnounceOwn",
    bfd: { enabled: false, minTransmitMs: 100, minReceiveMs: 100, detectMultiplier: 3 },
    passwordSecretRef: { namespace: "heddle", name, key: "password" },
  };
}

const bgp: NodeBgp = {
  asn: parseAsn(65203),
  routerId: parseIp4("172.16.0.1"),
  holdTimeMs: 9000,
  keepaliveMs: 3000,
  gracefulRestart: { enabled: true, restartTimeMs: 30_000 },
  communities: [],
  monitoringStations: [],
  peers: [peer("a"), peer("b"), peer("c")],
};

function secret(name: string, data: Record<string, string>): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, btoa(value)]);
  return {
    ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
    metadata: { name, namespace: "heddle" },
    data: Object.fromEntries(encoded),
  };
}

/** A store that can be away. */
class FlakyStore extends MemoryStore {
  isAway = false;

  override async get<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef): Promise<T> {
    if (this.isAway) throw new StatusError("ServiceUnavailable", "connection refused");
    return await super.get(kind, ref);
  }
}

/** Lets what the clock started come to its end. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

function setup() {
  const store = new FlakyStore();
  const clock = new VirtualClock();
  const changes: number[] = [];
  const passwords = new BgpPasswords(store, clock, seededRng(1), () => {
    changes.push(clock.nowMs());
  });
  return { store, clock, changes, passwords };
}

test("a Secret that is missing or lacks the key holds back its own peer only", async () => {
  const { store, passwords } = setup();
  await using _store = store;
  using it = passwords;
  await store.create(secretKind, secret("a", { password: "one" }));
  await store.create(secretKind, secret("b", { other: "two" }));
  const known = await it.load(bgp);
  assert.deepEqual([...known.passwords], [["bgppeer/a", "one"]]);
  assert.match(String(known.passwordProblems.get("bgppeer/b")), /heddle\/b has no key password/);
  assert.match(String(known.passwordProblems.get("bgppeer/c")), /Cannot read Secret heddle\/c/);
});

test("a changed Secret and one that appears are told", async () => {
  const { store, clock, changes, passwords } = setup();
  await using _store = store;
  using it = passwords;
  const a = await store.create(secretKind, secret("a", { password: "one" }));
  await it.load(bgp);
  await store.create(secretKind, secret("b", { password: "two" }));
  clock.advance(5000);
  await turns();
  assert.equal(changes.length, 1);
  await store.create(secretKind, secret("c", { password: "three" }));
  await it.load(bgp);
  const { metadata } = a;
  await store.update(secretKind, { ...secret("a", { password: "new" }), metadata });
  clock.advance(60_000);
  await turns();
  assert.equal(changes.length, 2);
  assert.equal((await it.load(bgp)).passwords.get("bgppeer/a"), "new");
  clock.advance(60_000);
  await turns();
  assert.equal(changes.length, 2, "nothing changed");
});

test("while the API server is away the known passwords stay, and the unknown ones say why", async () => {
  const { store, clock, changes, passwords } = setup();
  await using _store = store;
  using it = passwords;
  await store.create(secretKind, secret("a", { password: "one" }));
  await it.load({ ...bgp, peers: [peer("a")] });
  store.isAway = true;
  const known = await it.load(bgp);
  assert.equal(known.passwords.get("bgppeer/a"), "one");
  assert.match(String(known.passwordProblems.get("bgppeer/b")), /connection refused/);
  store.isAway = false;
  await store.delete(secretKind, { namespace: "heddle", name: "a" });
  clock.advance(5000);
  await turns();
  assert.equal(changes.length, 1);
  assert.equal((await it.load(bgp)).passwords.size, 0, "a Secret that was deleted is void");
});

test("nothing is read for peers without passwords, nor after disposal", async () => {
  const { store, clock, changes, passwords } = setup();
  await using _store = store;
  const { passwordSecretRef: _, ...plain } = peer("a");
  const known = await passwords.load({ ...bgp, peers: [plain] });
  assert.deepEqual(
    [known.passwords.size, known.passwordProblems.size, clock.pendingCount],
    [0, 0, 0],
  );
  await passwords.load(bgp);
  assert.equal(clock.pendingCount, 1);
  passwords[Symbol.dispose]();
  assert.deepEqual([clock.pendingCount, changes], [0, []]);
});
