/** What the kernel of a host has refused, which nobody else is told. */
import type { Host } from "./lan.ts";
import { runIn } from "./netns-process.ts";

/** Of `TcpExt` in /proc/net/netstat. */
export type TcpCounter = "TCPMD5NotFound" | "TCPMD5Unexpected" | "TCPMD5Failure" | "TCPMinTTLDrop";

export async function tcpCounter(host: Host, name: TcpCounter): Promise<number> {
  const [names = "", values = ""] = (await runIn(host.netns, "cat", ["/proc/net/netstat"])).split(
    "\n",
  );
  const at = names.split(" ").indexOf(name);
  if (at < 0) throw new Error(`the kernel does not count ${name}`);
  return Number(values.split(" ")[at]);
}
