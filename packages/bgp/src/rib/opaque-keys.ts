/** Keys of a family other than plain unicast, which only their codec can read. */
import type { Family } from "@heddle/inet";
import type { NlriCodec } from "../packet/nlri-codec.ts";
import { KeyTable } from "./key-table.ts";
import type { RouteKeys } from "./route-keys.ts";

export class OpaqueKeys extends KeyTable implements RouteKeys {
  readonly codec: NlriCodec;
  readonly #isEvpn: boolean;
  /** The prefix of the key that was last asked about. */
  readonly #words: Int32Array = new Int32Array(4);
  #family: Family | undefined;
  #length = -1;
  #readId = -1;

  constructor(codec: NlriCodec, isEvpn: boolean, seed: number) {
    super(seed);
    this.codec = codec;
    this.#isEvpn = isEvpn;
  }

  wordOf(id: number, index: number): number {
    this.#read(id);
    return this.#words[index]!;
  }

  lengthOf(id: number): number {
    this.#read(id);
    return this.#length;
  }

  prefixFamilyOf(id: number): Family | undefined {
    this.#read(id);
    return this.#family;
  }

  routeTypeOf(id: number): number {
    return this.#isEvpn ? this.firstOctetOf(id) : 0;
  }

  override remove(id: number): void {
    super.remove(id);
    if (id === this.#readId) this.#readId = -1;
  }

  #read(id: number): void {
    if (id === this.#readId) return;
    this.#words.fill(0);
    const prefix = this.codec.prefixInto(this.bytesOf(id), this.#words);
    this.#family = prefix?.family;
    this.#length = prefix?.length ?? -1;
    this.#readId = id;
  }
}
