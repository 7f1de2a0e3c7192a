import {
  type BpfLinkInfo,
  bpfAttachType,
  bpfLinkInfo,
  createBpfLink,
  detachBpfLink,
  type Fd,
  getPinnedBpf,
  pinBpf,
  updateBpfLink,
} from "@heddle/native";
import type { BpfProgram } from "./program.ts";

/** enum bpf_link_type: BPF_LINK_TYPE_TCX. */
const linkTypeTcx = 11;

/**
 * A program's attachment to an interface. Owns its descriptor; a pin keeps the attachment beyond
 * the process.
 */
export class BpfLink implements Disposable {
  readonly #fd: Fd;

  private constructor(fd: Fd) {
    this.#fd = fd;
  }

  /**
   * Attaches to the ingress of an interface by TCX, which needs Linux 6.6 (EINVAL below). @throws
   * SystemError
   */
  static attachTcxIngress(program: BpfProgram, ifindex: number): BpfLink {
    return new BpfLink(createBpfLink(program.fd, ifindex, bpfAttachType.tcxIngress));
  }

  /** The link pinned at `path`; undefined when there is none. @throws SystemError */
  static open(path: string): BpfLink | undefined {
    const fd = getPinnedBpf(path);
    return fd === undefined ? undefined : new BpfLink(fd);
  }

  /** @throws SystemError */
  info(): BpfLinkInfo {
    return bpfLinkInfo(this.#fd);
  }

  /**
   * True while the link holds a TCX program on `ifindex`; an interface that is gone has none.
   * @throws SystemError
   */
  isTcxOn(ifindex: number): boolean {
    const info = this.info();
    return info.type === linkTypeTcx && info.ifindex === ifindex;
  }

  /** Replaces the program; every packet meets the old or the new one. @throws SystemError */
  update(program: BpfProgram): void {
    updateBpfLink(this.#fd, program.fd);
  }

  /** @throws SystemError EEXIST */
  pin(path: string): void {
    pinBpf(this.#fd, path);
  }

  /** Takes the program off the interface; idempotent. @throws SystemError */
  detach(): void {
    if (this.info().ifindex !== 0) detachBpfLink(this.#fd);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}
