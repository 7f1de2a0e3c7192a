/** Refusals of the VPN library. Message: "Cannot <verb> <what>: <current>, want <limit>". */
export type VpnErrorCode = "config";

export class VpnError extends Error {
  override readonly name = "VpnError";
  readonly code: VpnErrorCode;

  constructor(code: VpnErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
