declare const brand: unique symbol;

/**
 * A nominal type over a primitive: `type Vni = Brand<number, "Vni">`. It costs nothing at run time.
 * Only the parser or decoder of a type may cast to it, so a value of the type has been validated
 * once.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
