/** A whole API server on a free port of the loopback, with users of every role. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MemoryStore, type StoreLimits } from "@heddle/kube";
import { type Log, silentLog } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { TokenTable } from "../src/auth/authenticate.ts";
import { servedKinds } from "../src/core-kinds/served-kinds.ts";
import { admit } from "../src/rest/admission.ts";
import { Api } from "../src/rest/api.ts";
import { ApiServer, type ServerLimits } from "../src/server/api-server.ts";
import { ensureBuiltInObjects } from "../src/server/built-in-objects.ts";
import { NamespaceCollector } from "../src/server/namespace-collector.ts";
import { Certificates } from "./certificates.ts";

export const viewerToken = "viewer-token-0123456789";

export interface TestServer extends AsyncDisposable {
  readonly store: MemoryStore;
  readonly certificates: Certificates;
  readonly port: number;
  /** Paths of kubeconfigs by user: `admin`, `agent` (of node n1), `viewer` (a token). */
  kubeconfig(user: "admin" | "agent" | "viewer"): string;
  /** A scratch folder that goes with the server. */
  readonly folder: string;
}

export interface TestServerOptions {
  readonly storeLimits?: Partial<StoreLimits>;
  readonly serverLimits?: Partial<ServerLimits>;
  readonly log?: Log;
}

let shared: Promise<Certificates> | undefined;

/** Making keys takes longer than most tests, so a test file makes them once. */
function sharedCertificates(): Promise<Certificates> {
  shared ??= makeCertificates();
  return shared;
}

async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), "heddle-pki-"));
  const certificates = await Certificates.create(folder);
  await certificates.server();
  await certificates.client("admin", "admin", ["heddle:admins"]);
  await certificates.client("agent", "heddle:agent:n1", ["heddle:agents"]);
  return certificates;
}

/** Call once per file, after the last test. */
export async function removeCertificates(): Promise<void> {
  if (shared !== undefined) await rm((await shared).folder, { recursive: true });
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using owned = new AsyncDisposableStack();
  const { storeLimits = {}, serverLimits = {}, log = silentLog } = options;
  const certificates = await sharedCertificates();
  const folder = await mkdtemp(path.join(tmpdir(), "heddle-api-"));
  owned.defer(() => rm(folder, { recursive: true }));
  const store = owned.use(new MemoryStore({ admission: admit, limits: storeLimits }));
  await ensureBuiltInObjects(store);
  const clock = systemClock;
  const kinds = servedKinds.map(({ kind }) => kind);
  owned.use(new NamespaceCollector({ store, kinds, clock, log }));
  const server = owned.use(
    new ApiServer({
      api: new Api({ store, clock, rng: systemRng, log }),
      tls: {
        certificate: await certificates.read("server.crt"),
        key: await certificates.read("server.key"),
        clientAuthority: await certificates.read("ca.crt"),
      },
      tokens: TokenTable.parse(`${viewerToken},viewer,1,"heddle:viewers"\n`),
      log,
      limits: { stopMsMax: 500, ...serverLimits },
    }),
  );
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  const port = Number(address.split(":").at(-1));
  const kubeconfig = (user: string): string => path.join(folder, `${user}.kubeconfig`);
  for (const user of ["admin", "agent", "viewer"] as const) {
    await writeFile(kubeconfig(user), kubeconfigText(certificates, port, user));
  }
  const all = owned.move();
  const dispose = (): Promise<void> => all.disposeAsync();
  return { store, certificates, port, kubeconfig, folder, [Symbol.asyncDispose]: dispose };
}

function kubeconfigText(certificates: Certificates, port: number, user: string): string {
  const credentials =
    user === "viewer"
      ? { token: viewerToken }
      : {
          "client-certificate": certificates.file(`${user}.crt`),
          "client-key": certificates.file(`${user}.key`),
        };
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    "certificate-authority": certificates.file("ca.crt"),
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: "test", context: { cluster: "test", user } }],
    "current-context": "test",
  });
}
