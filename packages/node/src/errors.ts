export type NodeErrorCode =
  /** The journal could not be written; nothing was promised. */
  | "JournalFailed"
  /** The journal was closed. */
  | "JournalClosed"
  /** No address is left. */
  | "Exhausted"
  /** An address belongs to somebody else. */
  | "AddressConflict"
  /** A wait ran into its deadline. */
  | "TimedOut";

/** Failures of the node that its callers tell apart by `code`. */
export class NodeError extends Error {
  override readonly name = "NodeError";
  readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
