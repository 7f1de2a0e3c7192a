/**
 * The API server alone, in process, over HTTPS on the loopback and with its database on disk:
 * creates per second at 1 and at 64 in flight, and the time from the answer to a write until 100
 * watches have its event. Every run checks that all objects are there and that each watch saw all
 * changes in order.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ConfigMap, configMapKind } from "@heddle/api";
import { HttpStore, type Store } from "@heddle/kube";
import {
  Api,
  ApiServer,
  admit,
  ensureBuiltInObjects,
  openSqliteStore,
  TokenTable,
} from "@heddle/kubeapi";
import { assert, silentLog } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { Certificates } from "../packages/kubeapi/test/certificates.ts";
import { median, quantile } from "./harness/stats.ts";

const token = "bench-token-0123456789";
const createCount = 2_000;
const watchersPerClient = 25;
const clientCount = 4;
const watchCount = watchersPerClient * clientCount;
const changeCount = 200;

function configMap(name: string, text: string): ConfigMap {
  const metadata = { name, namespace: "default" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { text } };
}

async function start(
  folder: string,
): Promise<AsyncDisposable & { readonly clients: readonly HttpStore[] }> {
  await using owned = new AsyncDisposableStack();
  const certificates = await Certificates.create(folder);
  await certificates.server();
  const store = owned.use(
    openSqliteStore({
      path: path.join(folder, "objects.db"),
      clock: systemClock,
      rng: systemRng,
      admission: admit,
      onFailure: (error) => {
        throw error;
      },
    }),
  );
  await ensureBuiltInObjects(store);
  const tls = {
    certificate: await certificates.read("server.crt"),
    key: await certificates.read("server.key"),
  };
  const tokens = TokenTable.parse(`${token},bench,1,"heddle:admins"\n`);
  const api = new Api({ store, clock: systemClock, rng: systemRng, log: silentLog });
  const server = owned.use(new ApiServer({ api, tls, tokens, log: silentLog }));
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  const ca = await certificates.read("ca.crt");
  const access = { server: new URL(`https://${address}`), ca, token };
  const clients = Array.from({ length: clientCount }, () => owned.use(new HttpStore(access)));
  const all = owned.move();
  return { clients, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Creates per second. */
async function creates(store: Store, prefix: string, inFlight: number): Promise<number> {
  const text = "x".repeat(1000);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < createCount) {
      const name = `${prefix}-${next}`;
      next += 1;
      await store.create(configMapKind, configMap(name, text));
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - startMs) / 1000;
  const { items } = await store.list(configMapKind, { namespace: "default" });
  const made = items.filter(({ metadata }) => metadata.name.startsWith(`${prefix}-`));
  assert(made.length === createCount, `${made.length} objects are there, want ${createCount}`);
  return createCount / seconds;
}

/** Milliseconds from the answer to a write until the last watch has seen it, one per change. */
async function fanOut(store: Store, clients: readonly Store[]): Promise<number[]> {
  const made = await store.create(configMapKind, configMap("watched", "0"));
  const abort = new AbortController();
  const options = {
    resourceVersion: String(made.metadata.resourceVersion),
    fieldSelector: "metadata.name=watched",
    signal: abort.signal,
  };
  let waiting = 0;
  let allSeen: PromiseWithResolvers<void> = Promise.withResolvers();
  const watch = async (client: Store): Promise<void> => {
    let wanted = 1;
    for await (const event of client.watch(configMapKind, options)) {
      if (event.type === "BOOKMARK") continue;
      assert(event.object.data?.["text"] === String(wanted), "changes come in order");
      wanted += 1;
      waiting -= 1;
      if (waiting === 0) allSeen.resolve();
    }
  };
  const watches = clients.flatMap((client) =>
    Array.from({ length: watchersPerClient }, () => watch(client)),
  );
  const times: number[] = [];
  for (let i = 1; i <= changeCount; i += 1) {
    allSeen = Promise.withResolvers();
    waiting = watchCount;
    await store.update(configMapKind, configMap("watched", String(i)));
    const answeredMs = performance.now();
    await allSeen.promise;
    times.push(performance.now() - answeredMs);
  }
  abort.abort();
  await Promise.all(watches);
  return times.slice(10);
}

const folder = await mkdtemp(path.join(tmpdir(), "heddle-bench-"));
try {
  await using running = await start(folder);
  const [client] = running.clients;
  assert(client !== undefined, "there is a client");
  await creates(client, "warm", 16);
  const serial = await creates(client, "serial", 1);
  const parallel = await creates(client, "parallel", 64);
  const times = await fanOut(client, running.clients);
  console.log(`creates, 1 in flight:     ${serial.toFixed(0)} /s`);
  console.log(`creates, 64 in flight:    ${parallel.toFixed(0)} /s`);
  console.log(
    `fan-out to ${watchCount} watches:   median ${median(times).toFixed(1)} ms, ` +
      `p99 ${quantile(times, 0.99).toFixed(1)} ms after the answer`,
  );
} finally {
  await rm(folder, { recursive: true });
}
