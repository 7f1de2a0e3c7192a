/**
 * Lower-case hexadecimal without separators: the form of test fixtures and of bytes in error
 * messages.
 */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** The inverse of {@link toHex}; white space is ignored. @throws SyntaxError on anything else. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replace(/\s+/g, ""));
}
