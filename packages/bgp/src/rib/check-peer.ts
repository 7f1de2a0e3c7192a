/** What of a peer's configuration can be wrong by itself. */
import { BgpError } from "../errors.ts";
import { addPathSendLimit } from "./add-path-out.ts";
import type { RibConfig } from "./config.ts";
import type { RibPeer } from "./peer.ts";

/** @throws BgpError `config` */
export function checkPeer(peer: RibPeer, config: RibConfig): void {
  const { addPathSendMax, aigpMetric = 1, asn, confederationMember, reflectorClient } = peer;
  const isInside = asn === config.localAsn;
  if (reflectorClient && !isInside) {
    throw new BgpError("config", `Cannot add reflector client: AS ${asn}, want ${config.localAsn}`);
  }
  if (confederationMember === true && (isInside || config.confederation === undefined)) {
    const why = isInside ? `AS ${asn} is our own` : "we are in no confederation";
    throw new BgpError("config", `Cannot add peer of another member AS: ${why}`);
  }
  if (
    addPathSendMax !== undefined &&
    !(addPathSendMax >= 1 && addPathSendMax <= addPathSendLimit)
  ) {
    throw new BgpError(
      "config",
      `Cannot set addPathSendMax: ${addPathSendMax}, want 1 to ${addPathSendLimit}`,
    );
  }
  if (!(Number.isInteger(aigpMetric) && aigpMetric >= 1 && aigpMetric <= 0xffffffff)) {
    throw new BgpError("config", `Cannot set aigpMetric: ${aigpMetric}, want 1 to 4294967295`);
  }
}
