/** The oracle's reading of what a peer sends once its session is Established (RFC 4271 4.1, 6.1). */
import { type Judgement, judgeUpdate, type OracleSession } from "./oracle.ts";
import { concat } from "./wire.ts";

const headerLength = 19;

/** RFC 4271 4, RFC 8654 4, RFC 2918 3: smallest and largest length per type. */
const lengths: Readonly<Record<number, readonly [number, number]>> = {
  1: [29, 4096],
  2: [23, 65535],
  3: [21, 65535],
  4: [19, 19],
  5: [23, 23],
};

const nothing: Judgement = { reset: "no", why: "", changes: [] };

export class OracleStream {
  readonly #session: OracleSession;
  readonly #lengthMax: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(session: OracleSession, extendedMessages: boolean) {
    this.#session = session;
    this.#lengthMax = extendedMessages ? 65535 : 4096;
  }

  /** One judgement per message that is complete; none follows one that has to be a reset. */
  push(bytes: Uint8Array): Judgement[] {
    this.#bytes = this.#bytes.length === 0 ? bytes : concat([this.#bytes, bytes]);
    const judgements: Judgement[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      judgements.push(next);
      if (next.reset === "must") break;
    }
    return judgements;
  }

  #next(): Judgement | undefined {
    const bytes = this.#bytes;
    for (let at = 0; at < Math.min(bytes.length, 16); at += 1) {
      if (bytes[at] !== 0xff) return reset("marker");
    }
    if (bytes.length < headerLength) return undefined;
    const length = (bytes[16] as number) * 256 + (bytes[17] as number);
    const type = bytes[18] as number;
    const [min, max] = lengths[type] ?? [0, 0];
    if (length < headerLength || length > this.#lengthMax) return reset("length");
    if (max === 0) return reset("type");
    if (length < min || length > max) return reset("length of the type");
    if (bytes.length < length) return undefined;
    this.#bytes = bytes.subarray(length);
    if (type === 2) return judgeUpdate(bytes.subarray(headerLength, length), this.#session);
    if (type === 1) return reset("OPEN in Established");
    return type === 3 ? reset("NOTIFICATION") : nothing;
  }
}

function reset(why: string): Judgement {
  return { reset: "must", why, changes: [] };
}
