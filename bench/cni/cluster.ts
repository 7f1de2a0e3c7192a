/**
 * The cluster around the measured node: the API server as it is shipped (SQLite, TLS, client
 * certificates, one per user), in the management namespace and on the node's loopback.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { namespaceKind, type Port, portKind } from "@heddle/api";
import { HttpStore, isStatus } from "@heddle/kube";
import type { Fd } from "@heddle/native";
import { assert } from "@heddle/std";
import { writeKubeconfig } from "../../packages/lab/src/cluster/kubeconfig.ts";
import {
  createPki,
  issueClient,
  issueServer,
  type KeyPair,
  type Pki,
} from "../../packages/lab/src/cluster/pki.ts";
import { BackgroundProcess } from "./background-process.ts";
import { nodeName, podNameOf } from "./cluster-objects.ts";

const address = "127.0.0.1:6443";
const readyLimitMs = 30_000;

/** Ports follow ADD and DEL; so long they may take for all of them. */
const portsLimitMs = 30_000;

export interface ClusterOptions {
  /** For its objects, its keys and its log; on a disk. */
  readonly directory: string;
  /** Argument list of the API server. */
  readonly program: readonly string[];
  /** Where the administrator is: the namespace of the calling thread. */
  readonly management: Fd;
  readonly node: Fd;
}

export class Cluster implements AsyncDisposable {
  readonly #server: BackgroundProcess;
  /** With the administrator's certificate. */
  readonly store: HttpStore;
  /** With the certificate of the node's agent. */
  readonly agentKubeconfig: string;

  private constructor(server: BackgroundProcess, store: HttpStore, agentKubeconfig: string) {
    this.#server = server;
    this.store = store;
    this.agentKubeconfig = agentKubeconfig;
  }

  /** @throws Error when the server does not answer in time */
  static async start({ directory, program, management, node }: ClusterOptions): Promise<Cluster> {
    await using owned = new AsyncDisposableStack();
    mkdirSync(directory);
    const pki = await createPki(path.join(directory, "pki"));
    const keyPair = await issueServer(pki, "apiserver", ["IP:127.0.0.1"]);
    const argv = [...program, ...serverOptions(directory, pki, keyPair, node)];
    const logFile = path.join(directory, "apiserver.log");
    const server = owned.use(new BackgroundProcess({ argv, netns: management, logFile }));
    const admin = await writeUser(pki, "admin", "heddle:admins");
    const store = owned.use(await HttpStore.fromKubeconfig(admin));
    await server.until("ready", readyLimitMs, () => answers(store));
    const agent = await writeUser(pki, `heddle:agent:${nodeName}`, "heddle:agents");
    owned.move();
    return new Cluster(server, store, agent);
  }

  /**
   * Waits until the Ports are those of the addresses and no others, and ready.
   * @throws Error when they are not in time
   */
  async verifyPorts(given: ReadonlyMap<string, number>): Promise<void> {
    const podCount = new Set(given.values()).size;
    let ports: readonly Port[] = [];
    await this.#server.until(`showing ${podCount} Ports`, portsLimitMs, async () => {
      ({ items: ports } = await this.store.list(portKind));
      return ports.length === podCount && ports.every(({ status }) => status?.phase !== undefined);
    });
    for (const { metadata, spec } of ports) {
      assert(spec.addresses.length === 2, `Port ${metadata.name} has both families`);
      for (const address of spec.addresses) {
        const index = given.get(address);
        const isRight = index !== undefined && podNameOf(index) === spec.pod?.name;
        assert(
          isRight,
          `Port ${metadata.name} has the address ${address} that ADD gave to its pod`,
        );
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

function serverOptions(directory: string, pki: Pki, keyPair: KeyPair, node: Fd): string[] {
  return [
    ...["--listen", address, "--listen", `${address}@/proc/${process.pid}/fd/${node.number}`],
    ...["--data-dir", path.join(directory, "objects"), "--client-ca", pki.caFile],
    ...["--tls-cert", keyPair.certFile, "--tls-key", keyPair.keyFile],
  ];
}

async function writeUser(pki: Pki, user: string, group: string): Promise<string> {
  const name = user.replaceAll(":", "-");
  const keyPair = await issueClient(pki, name, user, [group]);
  const file = path.join(pki.folder, `${name}.kubeconfig`);
  await writeKubeconfig(file, pki, { server: `https://${address}`, user, keyPair });
  return file;
}

async function answers(store: HttpStore): Promise<boolean> {
  try {
    await store.get(namespaceKind, { name: "default" });
    return true;
  } catch (error) {
    if (isStatus(error, "ServiceUnavailable") || isStatus(error, "NotFound")) return false;
    throw error;
  }
}
