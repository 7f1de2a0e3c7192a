/** How many messages of each type went to and came from a peer, over all its sessions. */
import { headerLength, messageTypes } from "@heddle/bgp";

export type MessageTypeName = keyof typeof messageTypes;

/** Messages of one direction. */
export type MessageCounts = Readonly<Record<MessageTypeName, number>>;

export interface SentCounts extends MessageCounts {
  /** Of the UPDATEs. */
  readonly updateOctets: number;
}

/** Names by type; types are small numbers. */
const names: (MessageTypeName | undefined)[] = [];
for (const name of Object.keys(messageTypes) as MessageTypeName[]) names[messageTypes[name]] = name;

export class MessageCounters {
  readonly #received = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
  readonly #sent = { ...this.#received, updateOctets: 0 };

  received(type: number): void {
    const name = names[type];
    if (name !== undefined) this.#received[name] += 1;
  }

  sent(type: Exclude<MessageTypeName, "update">): void {
    this.#sent[type] += 1;
  }

  /** `bytes` are whole messages, as the RIB makes them. */
  sentUpdates(bytes: Uint8Array): void {
    this.#sent.updateOctets += bytes.length;
    for (let at = 0; at < bytes.length; at += lengthAt(bytes, at)) this.#sent.update += 1;
  }

  get receivedCounts(): MessageCounts {
    return { ...this.#received };
  }

  get sentCounts(): SentCounts {
    return { ...this.#sent };
  }
}

/** Length of the message that begins at `at` (RFC 4271 4.1). */
function lengthAt(bytes: Uint8Array, at: number): number {
  return Math.max(headerLength, ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0));
}
