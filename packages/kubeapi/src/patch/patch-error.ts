/** Why a patch was refused. The server answers 400 to malformed and 422 to the others. */
export type PatchErrorCode = "malformed" | "test-failed" | "not-applicable" | "too-large";

/** Message: `Cannot apply <type> patch: <why>`. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly code: PatchErrorCode;

  constructor(code: PatchErrorCode, type: string, why: string, cause?: unknown) {
    super(`Cannot apply ${type} patch: ${why}`, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
