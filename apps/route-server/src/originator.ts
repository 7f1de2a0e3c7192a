/** Routes that originate here, kept equal to what the configuration says. */
import { isDeepStrictEqual } from "node:util";
import type { LocalAttributes } from "@heddle/bgp";
import type { Prefix } from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import type { OriginatedRoute } from "./config/config.ts";

export class Originator {
  readonly #speaker: Pick<Speaker, "announce" | "withdraw">;
  #announced: ReadonlyMap<Prefix, LocalAttributes> = new Map();

  constructor(speaker: Pick<Speaker, "announce" | "withdraw">) {
    this.#speaker = speaker;
  }

  /** Announces what is new or has changed, and withdraws what is gone. */
  set(routes: readonly OriginatedRoute[]): void {
    const wanted = new Map(routes.map(({ prefix, attributes }) => [prefix, attributes]));
    for (const prefix of this.#announced.keys()) {
      if (!wanted.has(prefix)) this.#speaker.withdraw(prefix);
    }
    for (const [prefix, attributes] of wanted) {
      const before = this.#announced.get(prefix);
      if (!isDeepStrictEqual(before, attributes)) this.#speaker.announce(prefix, attributes);
    }
    this.#announced = wanted;
  }
}
