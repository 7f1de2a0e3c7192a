/** A TCP relay in front of a server: what a network does to connections, on the loopback. */
import net from "node:net";

export class Gate implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets: Set<net.Socket> = new Set();
  #upstream: number;
  #isOpen = true;

  private constructor(upstream: number) {
    this.#upstream = upstream;
    this.#server = net.createServer((socket) => this.#relay(socket));
  }

  static async open(upstream: number): Promise<Gate> {
    const gate = new Gate(upstream);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Resets every connection; later ones are reset at once. */
  shut(): void {
    this.#isOpen = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Lets connections through again, to that port. */
  reopen(upstream: number = this.#upstream): void {
    this.#upstream = upstream;
    this.#isOpen = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(near: net.Socket): void {
    if (!this.#isOpen) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(this.#upstream, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
