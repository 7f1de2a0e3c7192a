import { Socket } from "node:net";
import { formatIp, hostPrefix, type Ifindex, type Ip } from "@heddle/inet";
import { connectIn, Fd, type Md5Key } from "@heddle/native";
import { SpeakerError } from "../errors.ts";
import { Connection } from "./connection.ts";

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
        ...(options.md5 === undefined ? {} : { md5: [md5Key(remote, options.md5)] }),
        trafficClass: controlTrafficClass,
        signal,
      },
    );
    return new Connection(new Socket({ fd: fd.take() }));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot connect to peer ${formatIp(remote)}: ${why}`;
    throw new SpeakerError("connection", message, { cause });
  }
}

export function md5Key(peer: Ip, password: string): Md5Key {
  return { prefix: hostPrefix(peer), key: new TextEncoder().encode(password) };
}

/** The descriptor of a socket that node:net owns, lent to `run`. */
export function withDescriptor(socket: Socket, run: (fd: Fd) => void): void {
  // node:net has no public access to it; the handle has had `fd` since libuv came to Node.
  const handle: unknown = Reflect.get(socket, "_handle");
  const number: unknown =
    typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  if (typeof number !== "number" || number < 0) {
    throw new SpeakerError("connection", "Cannot set options of a connection: it is closed");
  }
  const fd = new Fd(number);
  try {
    run(fd);
  } finally {
    fd.take();
  }
}
