/**
 * CNI errors (specification 1.1, section 5 "Error"): what a runtime is told when a request fails.
 * Codes below 100 are the specification's, those from 100 are ours.
 */
export const cniErrorCodes = {
  IncompatibleVersion: 1,
  UnsupportedField: 2,
  UnknownContainer: 3,
  InvalidEnvironment: 4,
  IoFailure: 5,
  DecodingFailure: 6,
  InvalidConfig: 7,
  TryAgainLater: 11,
  NotAvailable: 50,
  LimitedConnectivity: 51,
  /** No address is left in the pools of the subnet. */
  PoolExhausted: 100,
  /** The API does not know the pod or its namespace. */
  UnknownPod: 101,
  /** No subnet matches the pod, or the one that it names does not exist. */
  UnknownSubnet: 102,
  /** The fixed address belongs to somebody else, or to no pool for fixed addresses. */
  AddressConflict: 103,
  /** The kernel refused the pod's interface. */
  DataplaneFailed: 104,
  /** CHECK found a difference. */
  CheckFailed: 105,
  /** A fault of the agent itself; its log says more. */
  Internal: 199,
} as const;

export type CniErrorCode = keyof typeof cniErrorCodes;

export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: CniErrorCode;
  /** A longer text; empty when the message says all. */
  readonly details: string;

  constructor(
    code: CniErrorCode,
    message: string,
    options: { readonly details?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? "";
  }
}

/** The JSON object that the runtime reads. */
export interface CniErrorDocument {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

export function formatCniError(error: CniError, cniVersion: string): CniErrorDocument {
  const code = cniErrorCodes[error.code];
  const head = { cniVersion, code, msg: error.message };
  return error.details === "" ? head : { ...head, details: error.details };
}
