/** The position of a walk over all ids of a table that goes on while the table changes. */
export class Sweep {
  #at = 0;
  /** It goes round the ids below: those that existed when it was last started. */
  #end = 0;
  #left = 0;
  /** Of what is left, so much is to be looked at for the sake of add-path. */
  #touchLeft = 0;

  /** Ids still to be visited. */
  get left(): number {
    return this.#left;
  }

  /** Makes the next calls of `next` visit every id below `top`. */
  start(top: number): void {
    this.#end = top;
    this.#left = top;
    // It goes on from where it is, so that those to be touched may come after new ones.
    if (this.#touchLeft > 0) this.#touchLeft = top;
  }

  /** As `start`, and `touches` is true of each. */
  startTouching(top: number): void {
    this.start(top);
    this.#touchLeft = top;
  }

  /** Whether what is staged for add-path at the id given next is out of date. */
  get touches(): boolean {
    return this.#touchLeft > 0;
  }

  /** The id to visit; not more often than `left` says. */
  next(): number {
    if (this.#at >= this.#end) this.#at = 0;
    this.#left -= 1;
    if (this.#touchLeft > 0) this.#touchLeft -= 1;
    return this.#at++;
  }
}
