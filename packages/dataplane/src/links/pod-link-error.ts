/**
 * - `not-ours`: the name of the host side belongs to an interface that we did not make.
 * - `ifname-taken`: the pod has an interface of the wanted name that is not ours.
 * - `host-netns`: the pod's namespace is the node's own.
 * - `no-ifindex`: no free interface index was found in several attempts.
 */
export type PodLinkErrorCode = "not-ours" | "ifname-taken" | "host-netns" | "no-ifindex";

/**
 * A pod interface that cannot be made; what the kernel refuses comes as a NetlinkError or
 * SystemError.
 */
export class PodLinkError extends Error {
  override readonly name = "PodLinkError";
  readonly code: PodLinkErrorCode;

  constructor(message: string, code: PodLinkErrorCode, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
