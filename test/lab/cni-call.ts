/**
 * Calls the executable `heddle-cni` in a node's namespaces as a container runtime does, with
 * network namespaces made by `ip netns add`.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { type LabFixture, repository } from "./lab-fixture.ts";

/** What the executable printed: a result, or an error with its code. */
export interface CniDocument {
  readonly cniVersion?: string;
  readonly supportedVersions?: readonly string[];
  readonly code?: number;
  readonly msg?: string;
  readonly details?: string;
  readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly interface?: number }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
}

export interface CniAnswer {
  readonly exitCode: number;
  /** Empty when nothing was printed. */
  readonly document: CniDocument;
  readonly tookMs: number;
}

/** One sandbox of a pod. */
export interface Sandbox {
  readonly containerId: string;
  /** Name of the network namespace inside the node. */
  readonly netns: string;
  readonly namespace: string;
  readonly pod: string;
}

export type Environment = Readonly<Record<string, string>>;

export const networkConfig = { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" } as const;

const executable = path.join(repository, "dist/heddle-cni");

export function environmentOf({ containerId, netns, namespace, pod }: Sandbox): Environment {
  return {
    CNI_CONTAINERID: containerId,
    CNI_NETNS: `/run/netns/${netns}`,
    CNI_IFNAME: "eth0",
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${pod}`,
    CNI_PATH: path.dirname(executable),
  };
}

export class CniCaller {
  readonly #fixture: LabFixture;
  readonly node: string;

  constructor(fixture: LabFixture, node: string) {
    this.#fixture = fixture;
    this.node = node;
  }

  /** `config` is sent as it is when it is text, and as JSON otherwise. */
  async call(command: string, env: Environment, config: unknown): Promise<CniAnswer> {
    const input = typeof config === "string" ? config : JSON.stringify(config);
    const startMs = performance.now();
    const { exitCode, stdout } = await this.#fixture.tryInDevice(this.node, [executable], {
      input,
      env: { ...env, CNI_COMMAND: command },
    });
    const tookMs = performance.now() - startMs;
    const document = stdout === "" ? {} : (JSON.parse(stdout) as CniDocument);
    return { exitCode, document, tookMs };
  }

  /** @throws AssertionError when it fails */
  async succeed(
    command: string,
    sandbox: Sandbox,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<CniAnswer> {
    const answer = await this.call(command, environmentOf(sandbox), { ...networkConfig, ...more });
    assert.equal(answer.exitCode, 0, `${command}: ${JSON.stringify(answer.document)}`);
    return answer;
  }

  /** `code: message` of a call that must fail. */
  async failureOf(command: string, env: Environment, config: unknown): Promise<string> {
    const { exitCode, document } = await this.call(command, env, config);
    assert.equal(exitCode, 1, `${command}: ${JSON.stringify(document)}`);
    assert.match(String(document.cniVersion), /^\d+\.\d+\.\d+$/);
    return `${document.code}: ${document.msg}`;
  }

  /** Makes network namespaces in the node. */
  async makeNetns(names: readonly string[]): Promise<void> {
    await this.#batch(names.map((name) => `netns add ${name}`));
  }

  async removeNetns(names: readonly string[]): Promise<void> {
    await this.#batch(names.map((name) => `netns delete ${name}`));
  }

  async #batch(lines: readonly string[]): Promise<void> {
    const input = `${lines.join("\n")}\n`;
    const { exitCode, stderr } = await this.#fixture.tryInDevice(this.node, ["ip", "-batch", "-"], {
      input,
    });
    assert.equal(exitCode, 0, stderr);
  }
}

/**
 * A pod bound to the node that the lab's own kubelet stand-in cannot start, as it has no such
 * image: its sandboxes are the test's.
 */
export function inertPod(
  name: string,
  node: string,
  annotations: Record<string, string> = {},
  namespace = "default",
): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations },
    spec: { nodeName: node, containers: [{ name: "none", image: "made-by-the-test" }] },
  };
}

/** Addresses of a result without their lengths, IPv4 first. */
export function addressesOf({ document }: CniAnswer): string[] {
  return (document.ips ?? []).map(({ address }) => String(address.split("/")[0]));
}
