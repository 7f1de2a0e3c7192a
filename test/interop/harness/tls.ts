/** The session of a test inside TLS, where our own speaker is at the other end. */
import { parseIp } from "@heddle/inet";
import type { PeerConfig, SpeakerConfig, TlsConfig } from "@heddle/speaker";
import { Authority } from "../../../packages/speaker/test/testing/certificates.ts";
import type { Host } from "./lan.ts";

const port = 1790;
/** In the certificates of both sides. */
export const tlsNames = { us: "us.interop.example", them: "them.interop.example" } as const;
type Side = keyof typeof tlsNames;

/** Signed once for all tests of the process. */
let signed: Readonly<Record<Side, TlsConfig>> | undefined;

function certificates(): Readonly<Record<Side, TlsConfig>> {
  if (signed === undefined) {
    using authority = new Authority();
    signed = { us: authority.sign(tlsNames.us), them: authority.sign(tlsNames.them) };
  }
  return signed;
}

/** What the peer configuration needs when that side is the peer. */
export function overTls(peer: Side): Pick<PeerConfig, "port" | "tls"> {
  return { tls: { name: tlsNames[peer] }, port };
}

/** Own certificate, and listening with it next to plain TCP. */
export function listenWithTls(host: Host, side: Side): Pick<SpeakerConfig, "listen" | "tls"> {
  const addresses = [host.ip4, host.ip6].map(parseIp);
  return {
    tls: certificates()[side],
    listen: [
      ...addresses.map((address) => ({ address, port: 179 })),
      ...addresses.map((address) => ({ address, port, tls: true })),
    ],
  };
}
