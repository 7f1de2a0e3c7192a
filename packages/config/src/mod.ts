/**
 * Configuration files: YAML whose fields are read one by one, so that whatever is wrong is named by
 * its field, its line, what is there and what is wanted.
 * @module
 */
export { ConfigError } from "./config-error.ts";
export type { ConfigFields } from "./config-field.ts";
export { ConfigField } from "./config-field.ts";
export type { Defined } from "./defined.ts";
export { defined } from "./defined.ts";
export { readDocument } from "./document.ts";
