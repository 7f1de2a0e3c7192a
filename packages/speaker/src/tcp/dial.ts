import { Socket } from "node:net";
import { formatIp, hostPrefix, type Ifindex, type Ip, type Prefix } from "@heddle/inet";
import { connectIn, Fd, type Md5Key } from "@heddle/native";
import { SpeakerError } from "../errors.ts";
import { Connection } from "./connection.ts";
import { startTls, type TlsConfig } from "./tls.ts";

/** Network control (RFC 4594 3.1): the whole traffic-class octet. */
export const controlTrafficClass = 0xc0;
/** RFC 5082 3. */
export const ttlOfDirectPeer = 255;

export interface DialOptions {
  readonly remote: Ip;
  readonly port: number;
  readonly local: Ip | undefined;
  readonly ifindex: Ifindex | undefined;
  readonly md5: string | undefined;
  readonly ttlSecurity: boolean;
  /** Undefined: plain TCP. */
  readonly tls: { readonly config: TlsConfig; readonly name: string } | undefined;
  readonly netns: Fd | undefined;
}

/** Connects to a peer. Rejects with what the kernel said, or with the reason of `signal`. */
export async function dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
  const { remote, local, ifindex: scope } = options;
  try {
    using fd = await connectIn(
      { address: remote, port: options.port, scope },
      {
        ...(options.netns === undefined ? {} : { netns: options.netns }),
        ...(local === undefined ? {} : { local: { address: local, port: 0, scope } }),
        ...(options.ttlSecurity ? { ttl: ttlOfDirectPeer, minTtl: ttlOfDirectPeer } : {}),
        ...(options.md5 === undefined ? {} : { md5: [md5Key(hostPrefix(remote), options.md5)] }),
        trafficClass: controlTrafficClass,
        signal,
      },
    );
    const socket = new Socket({ fd: fd.take() });
    if (options.tls === undefined) return new Connection(socket);
    const { config, name } = options.tls;
    return new Connection(await startTls(socket, config, name, signal), name);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot connect to peer ${formatIp(remote)}: ${why}`;
    throw new SpeakerError("connection", message, { cause });
  }
}

/** For the peers in `prefix`; an empty password takes the key away. */
export function md5Key(prefix: Prefix, password: string): Md5Key {
  return { prefix, key: new TextEncoder().encode(password) };
}

/** The descriptor of a socket that node:net owns, lent to `run`. */
export function withDescriptor<T>(socket: Socket, run: (fd: Fd) => T): T {
  // node:net has no public access to it; the handle has had `fd` since libuv came to Node.
  const handle: unknown = Reflect.get(socket, "_handle");
  const number: unknown =
    typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  if (typeof number !== "number" || number < 0) {
    throw new SpeakerError("connection", "Cannot set options of a connection: it is closed");
  }
  const fd = new Fd(number);
  try {
    return run(fd);
  } finally {
    fd.take();
  }
}
