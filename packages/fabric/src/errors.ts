/** Why a fabric cannot be planned. */
export type FabricErrorCode =
  /** A name refers to nothing. */
  | "unknown-reference"
  /** Two objects claim the same name, address, interface or route distinguisher. */
  | "duplicate"
  /** A value that the field does not allow. */
  | "invalid"
  /** A combination that no switch of that role can carry. */
  | "unsupported";

/** Message: `Cannot <verb> <object>: <current>, want <limit>`. */
export class FabricError extends Error {
  override readonly name = "FabricError";
  readonly code: FabricErrorCode;
  /** Path of the field below the object, like `Link/node1:leaf1 spec.a.addresses[0]`. */
  readonly path: string;

  constructor(code: FabricErrorCode, path: string, why: string, options?: ErrorOptions) {
    super(`Cannot plan fabric: ${path}: ${why}`, options);
    this.code = code;
    this.path = path;
  }
}
