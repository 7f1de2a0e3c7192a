/** A set of attribute type codes: bits for those that blocks really have. */
export class TypeSet {
  /** Types 0 to 31, and 32 to 63. */
  #low = 0;
  #high = 0;
  #rest: Set<number> | undefined;

  has(type: number): boolean {
    if (type < 32) return (this.#low & (1 << type)) !== 0;
    if (type < 64) return (this.#high & (1 << (type - 32))) !== 0;
    return this.#rest?.has(type) === true;
  }

  add(type: number): void {
    if (type < 32) this.#low |= 1 << type;
    else if (type < 64) this.#high |= 1 << (type - 32);
    else {
      this.#rest ??= new Set();
      this.#rest.add(type);
    }
  }
}
