/**
 * Long TCP connections to the echo server, from inside a device: each asks and is answered again
 * and again, by a small Node program in the device's namespaces.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { argvInDevice } from "@heddle/lab";
import type { LabFixture } from "./lab-fixture.ts";

/** Runs inside the device: argv is address, port, number of connections. */
const client = `
const net = require("node:net");
const [address, port, count] = process.argv.slice(1);
let open = 0;
let answers = 0;
for (let i = 0; i < Number(count); i += 1) {
  const socket = net.connect({ host: address, port: Number(port), noDelay: true });
  socket.on("connect", () => { open += 1; socket.write("x"); });
  socket.on("data", () => { answers += 1; setTimeout(() => socket.write("x"), 10); });
  socket.on("error", () => {});
  socket.on("close", () => { open -= 1; });
}
process.on("SIGTERM", () => { console.log(JSON.stringify({ open, answers })); process.exit(0); });
`;

const echoPort = "7";

export class EchoConnections {
  readonly #child: ChildProcess;
  readonly #result: Promise<string>;

  constructor(fixture: LabFixture, device: string, address: string, count: number) {
    const argv = [process.execPath, "--eval", client, "--", address, echoPort, String(count)];
    const { stateDir } = fixture;
    const [program, ...args] = argvInDevice(device, argv, { stateDir }) as [string];
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#result = new Promise((resolve) => {
      let text = "";
      this.#child.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      this.#child.once("exit", () => resolve(text));
    });
  }

  /** Connections that are still open, and how many answers all of them got. */
  async end(): Promise<{ readonly open: number; readonly answers: number }> {
    this.#child.kill("SIGTERM");
    return JSON.parse(await this.#result) as { open: number; answers: number };
  }
}
