import {
  type BpfProgramInfo,
  type BpfTestRun,
  bpfProgramInfo,
  type Fd,
  testRunBpfProgram,
} from "@heddle/native";

/**
 * A loaded program. Owns its descriptor; what the program is attached to keeps it alive beyond
 * that.
 */
export class BpfProgram implements Disposable {
  readonly name: string;
  readonly fd: Fd;

  /** Takes ownership of `fd`. */
  constructor(name: string, fd: Fd) {
    this.name = name;
    this.fd = fd;
  }

  /** @throws SystemError */
  info(): BpfProgramInfo {
    return bpfProgramInfo(this.fd);
  }

  /**
   * Runs the program on a packet, in the network namespace of the thread. `context`: the bytes of a
   * struct __sk_buff.
   * @throws SystemError
   */
  testRun(packet: Uint8Array, context?: Uint8Array, repeatCount = 1): BpfTestRun {
    return testRunBpfProgram(this.fd, packet, context, repeatCount);
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }
}
