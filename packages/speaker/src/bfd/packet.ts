/**
 * BFD control packets (RFC 5880 4.1), without authentication.
 *
 *       0                   1                   2                   3
 *       0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *      +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *      |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *      |                       My Discriminator                        |
 *      |                      Your Discriminator                       |
 *      |                    Desired Min TX Interval                    |
 *      |                   Required Min RX Interval                    |
 *      |                 Required Min Echo RX Interval                 |
 */
import { Reader, Writer } from "@heddle/codec";
import { SpeakerError } from "../errors.ts";

export type BfdState = "AdminDown" | "Down" | "Init" | "Up";
/** By code (RFC 5880 4.1). */
const states: readonly BfdState[] = ["AdminDown", "Down", "Init", "Up"];

/** RFC 5880 4.1, those that this speaker sends. */
export const bfdDiagnostics = {
  none: 0,
  detectionTimeExpired: 1,
  neighborSignaledDown: 3,
  administrativelyDown: 7,
} as const;

export interface BfdPacket {
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  /** C: the sender's BFD does not share the fate of its control plane. */
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

export const bfdPacketLength = 24;

const flagBits = {
  poll: 0x20,
  final: 0x10,
  independent: 0x08,
  auth: 0x04,
  demand: 0x02,
  multi: 0x01,
};

/**
 * Decodes a packet and makes the checks of RFC 5880 6.8.6 that need no session.
 * @throws SpeakerError `bfd-decode`
 */
export function decodeBfdPacket(bytes: Uint8Array): BfdPacket {
  check(bytes.length >= bfdPacketLength, `${bytes.length} octets, want at least 24`);
  const r = new Reader(bytes);
  const first = r.u8();
  const second = r.u8();
  const detectMultiplier = r.u8();
  const length = r.u8();
  check(first >> 5 === 1, `version ${first >> 5}, want 1`);
  check((second & flagBits.auth) === 0, "it is authenticated, want none");
  const fits = length >= bfdPacketLength && length <= bytes.length;
  check(fits, `length ${length}, want 24 to ${bytes.length}`);
  check(detectMultiplier !== 0, "detect multiplier 0");
  check((second & flagBits.multi) === 0, "the multipoint bit is set");
  const packet: BfdPacket = {
    diagnostic: first & 0x1f,
    state: states[second >> 6] as BfdState,
    poll: (second & flagBits.poll) !== 0,
    final: (second & flagBits.final) !== 0,
    controlPlaneIndependent: (second & flagBits.independent) !== 0,
    demand: (second & flagBits.demand) !== 0,
    detectMultiplier,
    myDiscriminator: r.u32(),
    yourDiscriminator: r.u32(),
    desiredMinTxUs: r.u32(),
    requiredMinRxUs: r.u32(),
    requiredMinEchoRxUs: r.u32(),
  };
  check(packet.myDiscriminator !== 0, "My Discriminator 0");
  const mayBeUnknown = packet.state === "Down" || packet.state === "AdminDown";
  check(packet.yourDiscriminator !== 0 || mayBeUnknown, `Your Discriminator 0 in ${packet.state}`);
  return packet;
}

function check(holds: boolean, why: string): asserts holds {
  if (!holds) throw new SpeakerError("bfd-decode", `Cannot decode BFD packet: ${why}`);
}

export function encodeBfdPacket(packet: BfdPacket): Uint8Array {
  const flags =
    (packet.poll ? flagBits.poll : 0) |
    (packet.final ? flagBits.final : 0) |
    (packet.controlPlaneIndependent ? flagBits.independent : 0) |
    (packet.demand ? flagBits.demand : 0);
  return new Writer(bfdPacketLength, bfdPacketLength)
    .u8((1 << 5) | packet.diagnostic)
    .u8((states.indexOf(packet.state) << 6) | flags)
    .u8(packet.detectMultiplier)
    .u8(bfdPacketLength)
    .u32(packet.myDiscriminator)
    .u32(packet.yourDiscriminator)
    .u32(packet.desiredMinTxUs)
    .u32(packet.requiredMinRxUs)
    .u32(packet.requiredMinEchoRxUs)
    .copy();
}
