/** `T` as far as the file has it. */
export type Defined<T> = { readonly [Field in keyof T]?: Exclude<T[Field], undefined> };

/** Without the fields that are undefined, so that what is absent in a file is absent here. */
export function defined<T extends object>(fields: T): Defined<T> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Defined<T>;
}
