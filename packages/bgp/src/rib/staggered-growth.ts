/**
 * Growth of the columns of a table, one at a time: each doubles while there is still room in it,
 * and no two at the same size, so that no call copies more than one column.
 */
import { must } from "@heddle/std";
import { growInt32 } from "./columns.ts";

/** A column that the owner keeps; `grow` makes it `capacity` elements long. */
export interface GrowingColumn {
  capacity(): number;
  grow(capacity: number): void;
}

/** The column that is the property `name` of its owner. */
export function int32Column<Name extends string>(
  owner: { [N in Name]: Int32Array | undefined },
  name: Name,
): GrowingColumn {
  const column = (): Int32Array => {
    const array: Int32Array | undefined = owner[name];
    return must(array, `there is a column ${name}`);
  };
  return {
    capacity: () => column().length,
    grow: (capacity) => {
      owner[name] = growInt32(column(), capacity);
    },
  };
}

export class StaggeredGrowth {
  readonly #columns: readonly GrowingColumn[];
  readonly #from: number;
  readonly #to: number;
  #due = 0;
  /** The owner calls `step` before it uses this index; public to read. */
  at = 0;

  /** Columns grow when they are filled to `from`, below `to`: fractions that tables share out. */
  constructor(columns: readonly GrowingColumn[], from: number, to: number) {
    this.#columns = columns;
    this.#from = from;
    this.#to = to;
    this.#plan();
  }

  /** Doubles one column. */
  step(): void {
    const column = this.#columns[this.#due]!;
    column.grow(column.capacity() * 2);
    this.#plan();
  }

  #plan(): void {
    this.at = Number.POSITIVE_INFINITY;
    const spacing = (this.#to - this.#from) / this.#columns.length;
    for (const [i, column] of this.#columns.entries()) {
      const at = Math.floor(column.capacity() * (this.#from + i * spacing));
      if (at >= this.at) continue;
      this.at = at;
      this.#due = i;
    }
  }
}
