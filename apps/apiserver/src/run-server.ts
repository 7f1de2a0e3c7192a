/** Wires storage, API and sockets together. */

import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { compileKinds } from "@heddle/api";
import {
  Api,
  ApiServer,
  admit,
  ensureBuiltInObjects,
  NamespaceCollector,
  openSqliteStore,
  servedKinds,
  TokenTable,
} from "@heddle/kubeapi";
import type { Log } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { openListen } from "./listen.ts";
import { type Options, OptionsError } from "./options.ts";

export interface RunningServer extends AsyncDisposable {
  /** `host:port` of every socket, in the order of the options. */
  readonly addresses: readonly string[];
}

/**
 * Resolves when every socket takes requests.
 * @param onFailure is called when the server can do nothing more and has to be started again
 * @throws OptionsError, StorageError, SystemError
 */
export async function runServer(
  options: Options,
  log: Log,
  onFailure: (error: Error) => void,
): Promise<RunningServer> {
  await using owned = new AsyncDisposableStack();
  const clock = systemClock;
  const rng = systemRng;
  const tls = {
    certificate: readText(options.tlsCert),
    key: readText(options.tlsKey),
    ...(options.clientCa === undefined ? {} : { clientAuthority: readText(options.clientCa) }),
  };
  const tokens = TokenTable.parse(
    options.tokenFile === undefined ? "" : readText(options.tokenFile),
  );
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const file = path.join(options.dataDir, "objects.db");
  const workerFile = bundledWorker();
  const store = owned.use(
    openSqliteStore({
      path: file,
      clock,
      rng,
      admission: admit,
      onFailure,
      ...(workerFile === undefined ? {} : { workerFile }),
    }),
  );
  const kinds = servedKinds.map(({ kind }) => kind);
  compileKinds(kinds);
  await ensureBuiltInObjects(store);
  owned.use(new NamespaceCollector({ store, kinds, clock, log }));
  const api = new Api({ store, clock, rng, log });
  const server = owned.use(new ApiServer({ api, tls, tokens, log }));
  const addresses: string[] = [];
  for (const text of options.listen) addresses.push(await server.listen(openListen(text)));
  const all = owned.move();
  return { addresses, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** The journal's thread is beside a bundle; from source its package knows where it is. */
function bundledWorker(): URL | undefined {
  return import.meta.url.endsWith(".ts")
    ? undefined
    : new URL("./journal-worker.mjs", import.meta.url);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionsError(`Cannot read ${file}: ${why}`, { cause: error });
  }
}
