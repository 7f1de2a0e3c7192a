/** Runs real kubectl executables against a test server. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Kubectl {
  readonly file: string;
  /** `v1.32.4`. */
  readonly version: string;
}

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Those named in HEDDLE_KUBECTL (separated by colons), and the one on PATH. */
export async function findKubectls(): Promise<readonly Kubectl[]> {
  const { HEDDLE_KUBECTL = "", PATH = "" } = process.env;
  const onPath = PATH.split(":").map((folder) => path.join(folder, "kubectl"));
  const first = onPath.find((file) => existsSync(file));
  const files = [...HEDDLE_KUBECTL.split(":"), first].filter((file) => file !== undefined);
  const found: Kubectl[] = [];
  for (const file of new Set(files.filter((name) => name !== ""))) {
    found.push({ file, version: await versionOf(file) });
  }
  return found;
}

async function versionOf(file: string): Promise<string> {
  const { stdout } = await run(file, ["version", "--client", "-o", "json"]);
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string } };
  return clientVersion.gitVersion;
}

export class KubectlSession {
  readonly #kubectl: Kubectl;
  readonly #kubeconfig: string;
  readonly #folder: string;

  /** Caches go below `folder`, so no session sees another's discovery. */
  constructor(kubectl: Kubectl, kubeconfig: string, folder: string) {
    this.#kubectl = kubectl;
    this.#kubeconfig = kubeconfig;
    this.#folder = folder;
  }

  /** Runs one command; never rejects because of its exit code. */
  async run(args: readonly string[], input = "", env: object = {}): Promise<KubectlResult> {
    const child = this.start(args, env);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code: code === null ? -1 : code, stdout: stdout.text, stderr: stderr.text };
  }

  start(args: readonly string[], env: object = {}): ChildProcessWithoutNullStreams {
    return spawn(this.#kubectl.file, [...args], {
      stdio: "pipe",
      env: { ...process.env, HOME: this.#folder, KUBECONFIG: this.#kubeconfig, ...env },
      timeout: 60_000,
    });
  }

  /** The output of a command that must succeed. */
  async ok(args: readonly string[], input = "", env: object = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input, env);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** The messages of a command that must fail. */
  async refused(args: readonly string[], input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    if (code === 0) throw new Error(`kubectl ${args.join(" ")}: exit 0, want a refusal: ${stdout}`);
    return stderr;
  }
}

/** Everything that a stream has given so far. */
export function collect(stream: Readable): { readonly text: string } {
  const collected = { text: "" };
  stream.setEncoding("utf8").on("data", (text: string) => {
    collected.text += text;
  });
  return collected;
}
