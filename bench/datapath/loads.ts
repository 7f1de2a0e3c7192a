/** What is sent: a TCP stream by iperf3, short connections by connrate. Both check what arrives. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Fd, withNetns } from "@heddle/native";
import { assert } from "@heddle/std";
import { startIn } from "../../packages/dataplane/src/testing/topology.ts";

const connrate = path.resolve(import.meta.dirname, "../tools/build/connrate");

const ports = { iperf3: 5201, connrate4: 7001, connrate6: 7002 } as const;

/** A GSO packet without BIG TCP: 64 KiB with its headers. */
const gsoBytesMax = 65_536;

const startTimeoutMs = 10_000;

/** What one run found. */
export interface Outcome {
  readonly value: number;
  /** Packets that each node must have forwarded for this, at least, in both directions together. */
  readonly packetsMin: number;
}

/** The servers of both loads, in the server's pod. Ends them when disposed. */
export class Servers implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];

  static async start(pod: Fd): Promise<Servers> {
    await using undo = new AsyncDisposableStack();
    const servers = undo.use(new Servers());
    const { connrate4, connrate6 } = ports;
    await servers.#start(pod, "iperf3", ["-s", "--forceflush"], /Server listening/);
    await servers.#start(pod, connrate, ["server", "0.0.0.0", String(connrate4)], /ready/);
    await servers.#start(pod, connrate, ["server", "::", String(connrate6)], /ready/);
    undo.move();
    return servers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
  }

  async #start(pod: Fd, command: string, args: string[], ready: RegExp): Promise<void> {
    const child = withNetns(pod, () =>
      spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] }),
    );
    this.#children.push(child);
    await becomesReady(child, command, ready);
  }
}

/** The output is read to the end, so that the child never blocks on a full pipe. */
async function becomesReady(child: ChildProcess, command: string, ready: RegExp): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void => reject(new Error(`Cannot start ${command}: ${why}`));
  const timer = setTimeout(() => fail(`not ready after ${startTimeoutMs} ms`), startTimeoutMs);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    if (text.length < 4096) text += chunk.toString();
    if (ready.test(text)) resolve();
  });
  child.once("error", (error) => fail(error.message));
  child.once("exit", (code) => fail(`it ended with ${code}`));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

interface IperfReport {
  readonly end: { readonly sum_received: { readonly bits_per_second: number; bytes: number } };
}

/** One stream for a second, in Gbit/s of payload that arrived. */
export async function stream(client: Fd, address: string): Promise<Outcome> {
  const args = ["-c", address, "-t", "1", "-J", "--connect-timeout", "2000"];
  const { status, output } = await startIn(client, "iperf3", ...args);
  assert(status === 0, `iperf3 ended with ${status}: ${output}`);
  const report: IperfReport = JSON.parse(output);
  const { bits_per_second: rate, bytes } = report.end.sum_received;
  assert(bytes > 0 && rate > 0, "iperf3 moved bytes");
  return { value: rate / 1e9, packetsMin: Math.floor(bytes / gsoBytesMax) };
}

/** Connections per second, `inFlight` at a time, each with a question and an answer. */
export async function connections(client: Fd, address: string, inFlight: number): Promise<Outcome> {
  const port = address.includes(":") ? ports.connrate6 : ports.connrate4;
  const args = ["client", address, String(port), String(inFlight), "1000"];
  const { status, output } = await startIn(client, connrate, ...args);
  const [done = 0, failed = 0, seconds = 0] = output.trim().split(" ").map(Number);
  assert(status === 0 && seconds > 0, `connrate ended with ${status}: ${output}`);
  assert(done > 0 && failed === 0, `${failed} of ${done + failed} connections failed`);
  // SYN, ACK, question and RST there; SYN and answer back.
  return { value: done / seconds, packetsMin: done * 6 };
}
