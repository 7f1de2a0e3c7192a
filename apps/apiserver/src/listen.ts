/** From the text of `--listen` to a socket. */
import { parseIp } from "@heddle/inet";
import type { ListenTarget } from "@heddle/kubeapi";
import { listenIn, openNetns } from "@heddle/native";
import { OptionsError } from "./options.ts";

const backlog = 511;

/** @throws OptionsError */
export function parseListen(text: string): ListenTarget & { readonly netns?: string } {
  const inherited = /^fd:(\d{1,6})$/.exec(text);
  if (inherited !== null) return { fd: Number(inherited[1]) };
  const match = /^(?:\[([^\]]+)\]|([^:[\]@]+)):(\d{1,5})(?:@(.+))?$/.exec(text);
  if (match === null) throw badListen(text, "want ADDRESS:PORT, ADDRESS:PORT@NETNS or fd:N");
  const [, inBrackets, plain, portText, netns] = match;
  const host = inBrackets === undefined ? String(plain) : inBrackets;
  const port = Number(portText);
  if (port > 65_535) throw badListen(text, `port ${port}, want at most 65535`);
  return netns === undefined ? { host, port } : { host, port, netns };
}

/**
 * The target for this process: a socket in another namespace is made here and handed over as a
 * descriptor, which the server then owns.
 * @throws OptionsError, SystemError
 */
export function openListen(text: string): ListenTarget {
  const target = parseListen(text);
  if (!("host" in target) || target.netns === undefined) return target;
  using netns = openNetns(target.netns);
  const address = parseIp(target.host);
  using socket = listenIn({ address, port: target.port }, { netns, backlog });
  return { fd: socket.take() };
}

function badListen(text: string, why: string): OptionsError {
  return new OptionsError(`Cannot listen on ${JSON.stringify(text)}: ${why}`);
}
