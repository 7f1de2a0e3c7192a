/**
 * Framing of netlink messages, the part of the protocol that is the same for every netlink family
 * (linux/netlink.h): a 16-byte header, payload, padding to 4 bytes. Everything is in host byte
 * order, which is little endian on every machine that the addon builds for.
 */
import { Reader } from "@heddle/codec";

export const NLMSG_HDRLEN = 16;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
/** On a message of a dump: the table changed meanwhile, so the dump may lack or repeat entries. */
export const NLM_F_DUMP_INTR = 0x10;
/** On an acknowledgement: the request's payload is left out. */
export const NLM_F_CAPPED = 0x100;
/** On an acknowledgement: attributes with the extended ACK follow. */
export const NLM_F_ACK_TLVS = 0x200;

/**
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-------------------------------+-------------------------------+
 *    |                          nlmsg_len                            |
 *    +-------------------------------+-------------------------------+
 *    |          nlmsg_type           |         nlmsg_flags           |
 *    +-------------------------------+-------------------------------+
 *    |                          nlmsg_seq                            |
 *    +---------------------------------------------------------------+
 *    |                          nlmsg_pid                            |
 *    +---------------------------------------------------------------+
 */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Borrowed from the datagram. */
  readonly payload: Uint8Array;
}

/**
 * The messages of one datagram, borrowed. @throws BoundsError when a length leaves the datagram.
 */
export function* splitMessages(datagram: Uint8Array): Generator<NetlinkMessage> {
  const reader = new Reader(datagram);
  while (reader.left >= NLMSG_HDRLEN) {
    const length = reader.u32Le();
    const type = reader.u16Le();
    const flags = reader.u16Le();
    const sequence = reader.u32Le();
    reader.skip(4);
    const payload = reader.bytes(length - NLMSG_HDRLEN);
    reader.skip(Math.min(reader.left, -length & 3));
    yield { type, flags, sequence, payload };
  }
}
