/** The coarse kind of a {@link SpeakerError}. */
export type SpeakerErrorCode = "config" | "bfd-decode" | "connection" | "state";

/** What the speaker refuses or cannot do. */
export class SpeakerError extends Error {
  override readonly name = "SpeakerError";
  readonly code: SpeakerErrorCode;

  constructor(code: SpeakerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
