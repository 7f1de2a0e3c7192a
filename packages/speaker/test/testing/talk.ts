import { Socket } from "node:net";
import { decodeNotification, Framer, formatNotification } from "@heddle/bgp";
import type { Ip } from "@heddle/inet";
import { connectIn, openNetns } from "@heddle/native";

/** What comes back, message by message, when `bytes` are sent to the BGP port of `to`. */
export async function talk(
  netnsPath: string,
  from: Ip,
  to: Ip,
  bytes: Uint8Array,
): Promise<string[]> {
  using netns = openNetns(netnsPath);
  using fd = await connectIn(
    { address: to, port: 179 },
    { netns, local: { address: from, port: 0 } },
  );
  const socket = new Socket({ fd: fd.take() });
  const heard: string[] = [];
  const framer = new Framer();
  socket.on("data", (chunk: Uint8Array) =>
    framer.push(chunk, (type, data, at, end) => {
      const cause = type === 3 ? decodeNotification(data.subarray(at, end)) : undefined;
      heard.push(cause === undefined ? `type ${type}` : formatNotification(cause));
      return true;
    }),
  );
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", (error) => heard.push(error.message));
  socket.write(bytes);
  await closed;
  return heard;
}
