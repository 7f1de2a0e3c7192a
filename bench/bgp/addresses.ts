/** Who is who on the one link of a run, 10.99.0.0/16. */
import { formatIp4, type Ip4, parseIp4 } from "@heddle/inet";
import type { Case } from "./cases.ts";

/** A neighbor of the speaker under test. */
export interface Neighbor {
  readonly address: Ip4;
  readonly asn: number;
}

export const localAsn = 65000;
export const localAddress: Ip4 = parseIp4("10.99.0.1");
export const prefixLength = 16;

export const receiver: Neighbor = { address: parseIp4("10.99.250.1"), asn: 65100 };

export function sender(index: number): Neighbor {
  return { address: parseIp4(`10.99.1.${index + 1}`), asn: 65001 + index };
}

export function client(index: number): Neighbor {
  const address = parseIp4(`10.99.${2 + Math.floor(index / 200)}.${1 + (index % 200)}`);
  return { address, asn: localAsn };
}

export function neighborsOf(what: Case): readonly Neighbor[] {
  if (what.kind === "reflector") {
    return Array.from({ length: what.clientCount }, (_, index) => client(index));
  }
  const senders = Array.from({ length: what.senderCount }, (_, index) => sender(index));
  return [...senders, receiver];
}

export function textOf(neighbor: Neighbor): string {
  return formatIp4(neighbor.address);
}
