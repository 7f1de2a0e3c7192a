/**
 * Cursors over bytes for every protocol codec of the house.
 * @module
 */
export { BoundsError } from "./errors.ts";
export { fromHex, toHex } from "./hexdump.ts";
export { Reader } from "./reader.ts";
export { Writer } from "./writer.ts";
