/**
 * BGP inside TLS 1.3 with certificates on both sides, for sessions between agents and a route
 * server: the messages are those of TCP, the certificate says who sends them. A side is known by a
 * DNS name in its subjectAltName (RFC 6125), and speaks `heddle-bgp/1` (ALPN, RFC 7301), so that
 * nothing else that the same authority signed for is taken for a peer.
 */
import type { Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  createServer,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from "node:tls";
import { SpeakerError } from "../errors.ts";

/** PEM texts. */
export interface TlsConfig {
  /** Own certificate, with intermediate ones. */
  readonly certificate: string;
  readonly key: string;
  /** Who may have signed the peers' certificates; nobody else is trusted. */
  readonly authorities: string;
}

/** What is asked of the peer's certificate. */
export interface TlsPeerConfig {
  /** DNS name that it must bear; absent: whichever the authorities signed. Needed to dial. */
  readonly name?: string;
}

export const alpnProtocol = "heddle-bgp/1";
const handshakeTimeoutMs = 10_000;

function contextOf(config: TlsConfig): SecureContextOptions {
  return {
    cert: config.certificate,
    key: config.key,
    ca: config.authorities,
    minVersion: "TLSv1.3",
  };
}

/** Completes a TLS handshake on a connected socket, which it owns. Rejects as `signal` says, too. */
export async function startTls(
  socket: Socket,
  config: TlsConfig,
  name: string,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = connect({
    ...contextOf(config),
    socket,
    servername: name,
    ALPNProtocols: [alpnProtocol],
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const timer = setTimeout(
    () => reject(new Error("the handshake takes too long")),
    handshakeTimeoutMs,
  );
  signal.addEventListener("abort", abort, { once: true });
  secured.once("secureConnect", resolve);
  secured.once("error", reject);
  secured.once("close", () => reject(new Error("the connection was closed in the handshake")));
  try {
    if (signal.aborted) abort();
    await promise;
    checkAlpn(secured);
    return secured;
  } catch (error) {
    // What the socket still says has nobody to hear it.
    secured.on("error", () => undefined);
    secured.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    secured.removeListener("error", reject);
  }
}

/**
 * A server whose `secureConnection` events are connections with a certificate of the authorities
 * and the right protocol.
 */
export function createTlsServer(config: TlsConfig): Server {
  return createServer({
    ...contextOf(config),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
    ALPNProtocols: [alpnProtocol],
    pauseOnConnect: true,
  });
}

/** New handshakes use `config`. @throws Error when it is not certificates and a key */
export function setTls(server: Server, config: TlsConfig): void {
  server.setSecureContext(contextOf(config));
}

/**
 * The names of the peer's certificate.
 * @throws SpeakerError `connection` when `wanted` is none of them, or the protocol is another
 */
export function checkPeer(socket: TLSSocket, wanted: TlsPeerConfig): string {
  checkAlpn(socket);
  const certificate = socket.getPeerCertificate();
  const names = dnsNamesOf(certificate.subjectaltname);
  const [first] = names;
  if (first === undefined) {
    throw new SpeakerError("connection", "Cannot accept TLS peer: its certificate has no DNS name");
  }
  if (wanted.name === undefined) return first;
  const mismatch = checkServerIdentity(wanted.name, certificate);
  if (mismatch === undefined) return wanted.name;
  const have = names.slice(0, 10).join(", ");
  throw new SpeakerError(
    "connection",
    `Cannot accept TLS peer: it is ${have}, want ${wanted.name}`,
  );
}

function checkAlpn(socket: TLSSocket): void {
  if (socket.alpnProtocol === alpnProtocol) return;
  const have = socket.alpnProtocol === false ? "none" : String(socket.alpnProtocol);
  throw new SpeakerError(
    "connection",
    `Cannot use TLS peer: protocol ${have}, want ${alpnProtocol}`,
  );
}

/**
 * Node writes `DNS:a, DNS:b, IP Address:192.0.2.1`, and what could be mistaken for more than one in
 * quotes (CVE-2021-44532). Quoted names are no DNS names.
 */
function dnsNamesOf(subjectAltName: string | undefined): string[] {
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy;
  const names: string[] = [];
  for (const [, type, value] of (subjectAltName ?? "").matchAll(entry)) {
    if (type === "DNS" && value !== undefined && !value.startsWith('"')) names.push(value);
  }
  return names;
}
