/** Bytes that end before the value they should hold, or a write that leaves its buffer. */
export class BoundsError extends RangeError {
  override readonly name = "BoundsError";
  /** Byte offset of the access, from the start of the outermost reader. */
  readonly offset: number;

  constructor(verb: "read" | "write", offset: number, wanted: number, left: number) {
    super(`Cannot ${verb} ${wanted} bytes at offset ${offset}: ${left} left`);
    this.offset = offset;
  }
}
