/** Refusals of the address planners. Message: "Cannot <verb> <what>: <current>, want <limit>". */
export type IpamErrorCode = "InvalidPool" | "NotInBlock" | "NotFree" | "NotHeld";

export class IpamError extends Error {
  override readonly name = "IpamError";
  readonly code: IpamErrorCode;

  constructor(code: IpamErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
