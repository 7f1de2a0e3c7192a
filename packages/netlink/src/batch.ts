import { Writer } from "@heddle/codec";
import { NLM_F_ACK, NLM_F_REQUEST } from "@heddle/native";
import type { Request } from "./request.ts";

/** More than fits the kernel's default send buffer of a socket is refused there with EMSGSIZE. */
const batchBytesMax = 160 << 10;

/**
 * The bytes of several requests with consecutive sequence numbers. Only the last asks for an
 * acknowledgement: the kernel handles them in order, and reports one that fails in any case.
 * @throws BoundsError above 160 KiB
 */
export function encodeBatch(requests: readonly Request[], firstSequence: number): Uint8Array {
  const w = new Writer(batchBytesMax, 1024);
  requests.forEach((request, index) => {
    const start = w.length;
    w.u32Le(0).u16Le(request.type);
    const acknowledge = index === requests.length - 1 ? NLM_F_ACK : 0;
    w.u16Le(request.flags | NLM_F_REQUEST | acknowledge);
    w.u32Le((firstSequence + index) >>> 0).u32Le(0);
    request.encode(w);
    // Every encoder pads to 4 bytes, so the length is aligned too.
    w.patchU32Le(start, w.length - start);
  });
  return w.view();
}
