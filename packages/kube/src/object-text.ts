/**
 * The JSON text of objects that a store handed out, so that a server does not make it again for
 * every reader.
 */

const texts: WeakMap<object, string> = new WeakMap();

/** Freezes `object` all the way down and remembers its text. */
export function rememberText<T extends object>(object: T, text: string): T {
  texts.set(freeze(object), text);
  return object;
}

/** The JSON text of `object`. */
export function jsonTextOf(object: object): string {
  return texts.get(object) ?? JSON.stringify(object);
}

function freeze<T extends object>(value: T): T {
  for (const field of Object.values(value)) {
    if (typeof field === "object" && field !== null && !Object.isFrozen(field)) freeze(field);
  }
  return Object.freeze(value);
}
