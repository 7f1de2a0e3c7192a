/** Blocks of an FRR configuration as lists of lines. */

/** A context: header, indented body, and the word that closes it. */
export function block(header: string, body: readonly string[], close: string): string[] {
  return [header, ...body.map((line) => ` ${line}`), close];
}

/** `block` that vanishes with its body. */
export function optionalBlock(header: string, body: readonly string[], close: string): string[] {
  return body.length === 0 ? [] : block(header, body, close);
}
