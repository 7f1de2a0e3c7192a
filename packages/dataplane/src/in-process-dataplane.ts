import { CallingDataplane } from "./calling-dataplane.ts";
import { type Answer, type Call, execute } from "./calls.ts";
import { KernelDataplane, type KernelDataplaneOptions } from "./kernel-dataplane.ts";

/**
 * The data plane in the calling thread, which it blocks while the kernel works: for tests and
 * one-shot commands.
 */
export class InProcessDataplane extends CallingDataplane {
  readonly #kernel: KernelDataplane;

  /** Works in the network namespace that the thread is in. @throws SystemError */
  constructor(options: KernelDataplaneOptions) {
    super();
    this.#kernel = new KernelDataplane(options);
  }

  protected override async send(call: Call): Promise<Answer> {
    return execute(this.#kernel, call);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#kernel[Symbol.dispose]();
  }
}
