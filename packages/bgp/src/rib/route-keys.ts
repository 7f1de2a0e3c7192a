/** What the tables of prefixes and of opaque keys have in common. */
import type { Family } from "@heddle/inet";

export interface RouteKeys {
  /** Keys in the table. */
  readonly count: number;
  /** All ids are below this. */
  readonly top: number;
  /** False for an id that was never given out or was removed. */
  has(id: number): boolean;
  remove(id: number): void;
  /** Word `index` of the prefix in the key, most significant first; 0 where there is none. */
  wordOf(id: number, index: number): number;
  /** Length of the prefix in the key in bits; -1 where there is none. */
  lengthOf(id: number): number;
  /** Undefined where the key holds no prefix. */
  prefixFamilyOf(id: number): Family | undefined;
  /** EVPN route type (RFC 7432 7); 0 for other families. */
  routeTypeOf(id: number): number;
}
