/**
 * The part that reads layouts and needs no addon: for the generator, which runs before anything is
 * built.
 * @module
 */
export type { Btf } from "./btf.ts";
export { btfOfObject } from "./btf.ts";
export type { EnumValue, MapLayout, StructLayout, TypeLayout } from "./layout.ts";
export {
  enumLayouts,
  formatMapLayout,
  hashLayouts,
  mapLayouts,
  programNames,
} from "./layout.ts";
