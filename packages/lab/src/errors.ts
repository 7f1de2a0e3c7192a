export type LabErrorCode =
  /** The lab file is wrong. */
  | "definition"
  /** The machine lacks something; nothing was changed. */
  | "preflight"
  /** A program that the lab ran failed. */
  | "command"
  /** A state was not reached in time. */
  | "timeout"
  /** The lab on this machine is not in the state that the call needs. */
  | "state";

/** Message: `Cannot <verb> <what>: <current>, want <limit>`. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
