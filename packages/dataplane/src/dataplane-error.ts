import { AssertionError } from "@heddle/std";

export type DataplaneErrorCode =
  /** The eBPF object is not built or not shipped. */
  | "no-object"
  /** An uplink that does not exist. */
  | "no-uplink"
  /** An uplink that is no Ethernet interface. */
  | "bad-uplink"
  /** A pod was attached before the node's own part was set up. */
  | "no-node"
  /** The kernel is too old. */
  | "unsupported-kernel"
  /** The kernel, or a package below, refused; `detail` is its code. */
  | "refused"
  /** More calls are waiting for the kernel worker than it takes. */
  | "overloaded"
  /** The kernel worker has ended. */
  | "worker-ended";

/** What the data plane could not do. Crosses threads as {@link DataplaneErrorData}. */
export class DataplaneError extends Error {
  override readonly name = "DataplaneError";
  readonly code: DataplaneErrorCode;
  /** The code of the error underneath, such as `EEXIST`, `ifname-taken` or `verifier-refused`. */
  readonly detail: string | undefined;

  constructor(code: DataplaneErrorCode, message: string, detail?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.detail = detail;
  }
}

/** An error as plain data. */
export interface DataplaneErrorData {
  readonly code: DataplaneErrorCode;
  readonly message: string;
  readonly detail: string | undefined;
}

/**
 * The error as the callers of the data plane know it. A broken invariant is not an answer to a
 * call: it is thrown on and ends the thread.
 */
export function toDataplaneError(error: unknown): DataplaneError {
  if (error instanceof DataplaneError) return error;
  if (error instanceof AssertionError || !(error instanceof Error)) throw error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  // A programming error of the language (TypeError and its kin) has no code; it is a broken
  // invariant too.
  if (code === undefined) throw error;
  const kind = code === "unsupported-kernel" ? "unsupported-kernel" : "refused";
  return new DataplaneError(kind, error.message, code, { cause: error });
}

export function toErrorData({ code, message, detail }: DataplaneError): DataplaneErrorData {
  return { code, message, detail };
}

export function fromErrorData({ code, message, detail }: DataplaneErrorData): DataplaneError {
  return new DataplaneError(code, message, detail);
}
