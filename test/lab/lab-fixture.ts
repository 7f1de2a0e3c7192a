/**
 * A lab of its own for tests: other state directory, a port that nobody has, so that a person's lab
 * and other tests are left alone.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  adminKubeconfig,
  type CommandResult,
  clusterUp,
  execInDevice,
  type LabContext,
  labDown,
  labUp,
  liveDevice,
  openLab,
  parseLabDefinition,
} from "@heddle/lab";

const run = promisify(execFile);
export const repository: string = path.resolve(import.meta.dirname, "../..");

export interface LabFixtureOptions {
  /** Port of the API server on the loopback; one that is free when absent. */
  readonly adminPort?: number;
}

/** What tests read of a pod. */
export interface PodView {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
  };
}

export class LabFixture implements AsyncDisposable {
  readonly stateDir: string;
  readonly lab: LabContext;
  readonly adminPort: number;
  #manifestCount = 0;

  private constructor(stateDir: string, adminPort: number) {
    this.stateDir = stateDir;
    this.adminPort = adminPort;
    this.lab = openLab({ stateDir });
  }

  static async boot(options: LabFixtureOptions = {}): Promise<LabFixture> {
    const { adminPort = await freePort() } = options;
    const stateDir = mkdtempSync("/run/heddle-lab-test-");
    const definition = parseLabDefinition(
      readFileSync(path.join(repository, "examples/lab.yaml"), "utf8"),
    );
    try {
      await labUp(definition, { stateDir });
      const fixture = new LabFixture(stateDir, adminPort);
      await clusterUp(fixture.lab, { demo: true, adminPort });
      return fixture;
    } catch (error) {
      await labDown(stateDir);
      rmSync(stateDir, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await labDown(this.stateDir);
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  /** Starts again what has died: an agent that a test has stopped. */
  async repair(): Promise<void> {
    await clusterUp(this.lab, { adminPort: this.adminPort });
  }

  /** Standard output of a program inside a device. */
  async inDevice(device: string, ...argv: string[]): Promise<string> {
    const { stdout } = await execInDevice(device, argv, { stateDir: this.stateDir });
    return stdout;
  }

  /** Runs a program inside a device; a failure of the program is a result. */
  async tryInDevice(
    device: string,
    argv: readonly string[],
    options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<CommandResult> {
    return await liveDevice(this.lab, device).run(argv, { ...options, allowFailure: true });
  }

  /** Runs the command line of the product on this lab; a failure is a result. */
  async heddle(...args: string[]): Promise<CommandResult> {
    const argv = [path.join(repository, "dist/heddle.mjs"), "--state-dir", this.stateDir, ...args];
    return await new Promise((resolve) => {
      execFile(process.execPath, argv, { timeout: 60_000 }, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : Number(error.code);
        resolve({ exitCode, stdout, stderr });
      });
    });
  }

  /** Standard output of kubectl as the administrator. */
  async kubectl(...args: string[]): Promise<string> {
    const kubeconfig = adminKubeconfig(this.lab);
    const { stdout } = await run("kubectl", ["--kubeconfig", kubeconfig, ...args], {
      timeout: 60_000,
    });
    return stdout;
  }

  /** What `kubectl get … -o json` shows. */
  async get<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl("get", ...args, "-o", "json")) as T;
  }

  /** Applies manifests given as objects. */
  async apply(...objects: readonly object[]): Promise<string> {
    return await this.kubectl("apply", "-f", await this.manifest(...objects));
  }

  /** What kubectl says of manifests that it cannot apply. @throws AssertionError when it can */
  async refusalOf(...objects: readonly object[]): Promise<string> {
    const file = await this.manifest(...objects);
    try {
      const stdout = await this.kubectl("apply", "-f", file);
      throw new Error(`applied, want a refusal: ${stdout}`);
    } catch (error) {
      const { stderr } = error as { readonly stderr?: string };
      if (stderr === undefined) throw error;
      return stderr.trim().replaceAll(file, "FILE");
    }
  }

  /** A file with the objects, one JSON document. */
  async manifest(...items: readonly object[]): Promise<string> {
    this.#manifestCount += 1;
    const file = path.join(this.stateDir, `manifest-${this.#manifestCount}.json`);
    const [only] = items;
    const list = { apiVersion: "v1", kind: "List", items };
    await writeFile(file, JSON.stringify(items.length === 1 ? only : list));
    return file;
  }

  /** The pod when it runs. @throws that it does not in 20 s */
  async runningPod(name: string, namespace = "default"): Promise<PodView> {
    return await eventually(`pod ${namespace}/${name} running`, 20_000, async () => {
      const pod = await this.get<PodView>("pod", name, "--namespace", namespace);
      return pod.status.phase === "Running" ? pod : undefined;
    });
  }
}

/** A pod of the echo image. */
export function echoPod(
  name: string,
  node: string,
  annotations: Record<string, string> = {},
  namespace = "default",
): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations },
    spec: { nodeName: node, containers: [{ name: "echo", image: "heddle-echo" }] },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Polls until `probe` gives something. @throws the last error, or that it did not come in time */
export async function eventually<T>(
  what: string,
  limitMs: number,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() >= deadline) throw new Error(`${what} did not happen in ${limitMs} ms`);
    await sleep(100);
  }
}
