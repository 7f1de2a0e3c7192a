/** The checks of a speaker's configuration that no type can make. */
import { BgpError, checkPolicy, type Policy } from "@heddle/bgp";
import {
  type Asn,
  familyOf,
  formatIp,
  formatPrefix,
  type Ifindex,
  type Ip,
  type Prefix,
  prefixOf,
} from "@heddle/inet";
import {
  defaultHoldTimeMs,
  type GracefulRestartConfig,
  type PeerConfig,
  type PeerTemplate,
  type SpeakerConfig,
} from "./config.ts";
import { SpeakerError } from "./errors.ts";

const peerCountMax = 10_000;
/** RFC 9494 3: 24 bits of seconds. */
const longLivedTimeMsMax = (2 ** 24 - 1) * 1000;

/**
 * @throws SpeakerError `config` that names the field, what it holds and what it should, of the
 *   first thing wrong
 */
export function checkConfig(config: SpeakerConfig): void {
  check(config.routerId !== 0, "routerId 0.0.0.0, want an address of this node");
  check(config.families.length > 0, "families empty, want at least one");
  if (config.gracefulRestart !== undefined) checkGracefulRestart(config, config.gracefulRestart);
  checkHostname(config.hostname);
  for (const family of config.watchedFamilies ?? []) {
    check(config.families.includes(family), `watchedFamilies with ${family}, want only families`);
  }
  const identifier = config.confederation?.identifier;
  check(
    identifier !== config.asn,
    `confederation.identifier ${identifier}, want another than our member AS`,
  );
  const hasTls = config.tls !== undefined;
  for (const { tls } of config.listen) {
    check(tls !== true || hasTls, "listen with tls without the speaker's tls, want both");
  }
  const seen = new Set<Ip>();
  for (const peer of config.peers) {
    check(!seen.has(peer.address), `peer ${formatIp(peer.address)} twice, want it once`);
    seen.add(peer.address);
    checkPeer(config, peer);
  }
  checkDynamicPeers(config);
  checkUnnumberedPeers(config);
}

function checkGracefulRestart(config: SpeakerConfig, graceful: GracefulRestartConfig): void {
  const { restartTimeMs, longLived = [] } = graceful;
  const fits = isWholeSeconds(restartTimeMs) && restartTimeMs <= 4_095_000;
  check(
    fits,
    `gracefulRestart.restartTimeMs ${restartTimeMs}, want whole seconds from 0 to 4095 s`,
  );
  for (const { family, staleTimeMs } of longLived) {
    const field = `gracefulRestart.longLived ${family}`;
    check(config.families.includes(family), `${field}, want one of the speaker's families`);
    const valid = isWholeSeconds(staleTimeMs) && staleTimeMs <= longLivedTimeMsMax;
    check(valid, `${field}: staleTimeMs ${staleTimeMs}, want whole seconds below 2^24 s`);
  }
}

function checkHostname(hostname: string | undefined): void {
  if (hostname === undefined) return;
  const { length } = new TextEncoder().encode(hostname);
  check(length >= 1 && length <= 64, `hostname of ${length} octets, want 1 to 64`);
}

function checkPeer(config: SpeakerConfig, peer: PeerConfig): void {
  const name = `peer ${formatIp(peer.address)}`;
  const local = peer.localAddress;
  const sameFamily = local === undefined || familyOf(local) === familyOf(peer.address);
  check(sameFamily, `${name}: localAddress of another address family, want the peer's`);
  check(peer.address !== local, `${name}: localAddress is the peer's, want an own one`);
  checkTemplate(config, name, peer);
  check(
    peer.bfd === undefined || local !== undefined,
    `${name}: bfd without localAddress, want both`,
  );
}

function checkDynamicPeers(config: SpeakerConfig): void {
  const names = new Set<string>();
  const ranges: Prefix[] = [];
  for (const group of config.dynamicPeers ?? []) {
    const name = `dynamic peers ${group.name}`;
    check(!names.has(group.name), `${name} twice, want the name once`);
    names.add(group.name);
    const { prefix, template } = group;
    for (const other of ranges) {
      check(
        !overlap(prefix, other),
        `${name}: prefix ${formatPrefix(prefix)} overlaps ${formatPrefix(other)}, want none to`,
      );
    }
    ranges.push(prefix);
    const count = group.peerCountMax;
    check(
      Number.isInteger(count) && count >= 1 && count <= peerCountMax,
      `${name}: peerCountMax ${count}, want 1 to ${peerCountMax}`,
    );
    check(template.tls?.name === undefined, `${name}: tls.name given, want none for a range`);
    check(template.heldDown === undefined, `${name}: heldDown given, want none`);
    checkTemplate(config, name, { ...template, passive: true });
  }
}

function checkUnnumberedPeers(config: SpeakerConfig): void {
  const interfaces = new Set<Ifindex>();
  for (const { name: interfaceName, ifindex, template, ...times } of config.unnumberedPeers ?? []) {
    const name = `unnumbered peer ${interfaceName}`;
    check(!interfaces.has(ifindex), `${name}: ifindex ${ifindex} twice, want it once`);
    interfaces.add(ifindex);
    const { localAddress, nextHop4, nextHop6, bfd, heldDown } = template;
    const addresses = [localAddress, nextHop4, nextHop6, template.ifindex, heldDown];
    const none = addresses.every((value) => value === undefined);
    check(none, `${name}: addresses, ifindex or heldDown given, want none`);
    const { hopCountMax } = bfd ?? {};
    check(hopCountMax === undefined, `${name}: bfd.hopCountMax ${hopCountMax}, want none`);
    const { advertisementIntervalMs: interval } = times;
    const valid = interval === undefined || (interval >= 3000 && interval <= 1_800_000);
    check(valid, `${name}: advertisementIntervalMs ${interval}, want 3000 to 1800000`);
    checkTemplate(config, name, template);
  }
}

function overlap(a: Prefix, b: Prefix): boolean {
  if (familyOf(a.address) !== familyOf(b.address)) return false;
  const length = Math.min(a.length, b.length);
  return prefixOf(a.address, length) === prefixOf(b.address, length);
}

function checkTemplate(config: SpeakerConfig, name: string, peer: PeerTemplate): void {
  checkKind(config, name, peer);
  check(peer.families.length > 0, `${name}: families empty, want at least one`);
  for (const family of peer.families) {
    check(
      config.families.includes(family),
      `${name}: families with ${family}, want only the speaker's`,
    );
  }
  checkTimes(name, peer);
  checkMd5(name, peer.md5);
  checkTls(config, name, peer);
  checkAddPath(name, peer);
  checkAigp(name, peer);
  checkPrefixLimit(name, peer);
  checkBfd(name, peer);
  checkPolicyOf(name, "importPolicy", peer.importPolicy);
  checkPolicyOf(name, "exportPolicy", peer.exportPolicy);
  check(
    peer.ownRoutesOnly !== true || config.ownership !== undefined,
    `${name}: ownRoutesOnly without the speaker's ownership, want both`,
  );
}

function checkKind(config: SpeakerConfig, name: string, peer: PeerTemplate): void {
  const isMember = peer.confederationMember === true;
  const own: Asn = isMember || peer.kind === "reflector" ? config.asn : identityOf(config);
  const external = peer.asn !== own;
  if (peer.kind === "fabric")
    check(external, `${name}: asn ${peer.asn}, want another than our own`);
  else check(!external, `${name}: asn ${peer.asn}, want our own ${own} for a reflector session`);
  const client = peer.reflectorClient === true;
  check(!(external && client), `${name}: reflectorClient in another AS, want one in ours`);
  check(
    !isMember || config.confederation !== undefined,
    `${name}: confederationMember without the speaker's confederation, want both`,
  );
  const outside = external && !isMember;
  check(
    peer.routeServerClient !== true || outside,
    `${name}: routeServerClient in our AS, want one in another`,
  );
  check(
    peer.role === undefined || outside,
    `${name}: role ${peer.role} inside our AS, want none (RFC 9234 4)`,
  );
  checkOtherAsns(name, peer, own);
  check(
    peer.strictRole !== true || peer.role !== undefined,
    `${name}: strictRole without role, want a role`,
  );
}

function checkOtherAsns(name: string, { otherAsns, kind }: PeerTemplate, own: Asn): void {
  if (otherAsns === undefined) return;
  check(kind === "fabric", `${name}: otherAsns of a reflector session, want none`);
  if (otherAsns === "external") return;
  for (const { first, last } of otherAsns) {
    const valid = first >= 1 && first <= last && (own < first || own > last);
    check(valid, `${name}: otherAsns ${first} to ${last}, want a range without our own ${own}`);
  }
}

/** Our AS to those outside: that of the confederation, if we are in one. */
function identityOf(config: SpeakerConfig): Asn {
  return config.confederation === undefined ? config.asn : config.confederation.identifier;
}

function checkTimes(name: string, peer: PeerTemplate): void {
  const { holdTimeMs = defaultHoldTimeMs, keepaliveMs, delayOpenMs } = peer;
  const valid =
    holdTimeMs === 0 ||
    (holdTimeMs >= 3000 && holdTimeMs <= 65_535_000 && isWholeSeconds(holdTimeMs));
  check(valid, `${name}: holdTimeMs ${holdTimeMs}, want 0 or whole seconds from 3 to 65535 s`);
  if (keepaliveMs !== undefined) {
    const fits = keepaliveMs >= 100 && keepaliveMs * 3 <= holdTimeMs;
    check(
      fits,
      `${name}: keepaliveMs ${keepaliveMs}, want from 100 to a third of the hold time, ${holdTimeMs}`,
    );
  }
  if (delayOpenMs !== undefined) {
    const fits = delayOpenMs >= 0 && delayOpenMs <= 240_000;
    check(fits, `${name}: delayOpenMs ${delayOpenMs}, want 0 to 240000`);
  }
}

function checkMd5(name: string, md5: string | undefined): void {
  if (md5 === undefined) return;
  const { length } = new TextEncoder().encode(md5);
  check(length >= 1 && length <= 80, `${name}: md5 of ${length} octets, want 1 to 80`);
}

function checkTls(config: SpeakerConfig, name: string, peer: PeerTemplate): void {
  const { tls, md5, ttlSecurity, passive } = peer;
  if (tls === undefined) return;
  check(config.tls !== undefined, `${name}: tls without the speaker's tls, want both`);
  check(md5 === undefined, `${name}: tls and md5, want one of them`);
  check(ttlSecurity !== true, `${name}: tls and ttlSecurity, want one of them`);
  const isNamed = tls.name !== undefined && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(tls.name);
  check(
    isNamed || (tls.name === undefined && passive === true),
    `${name}: tls.name ${tls.name}, want the DNS name of the peer's certificate`,
  );
}

function checkAddPath(name: string, peer: PeerTemplate): void {
  for (const { family } of peer.addPath ?? []) {
    check(peer.families.includes(family), `${name}: addPath ${family}, want one of its families`);
  }
  const { addPathSendMax: max } = peer;
  const valid = max === undefined || (Number.isInteger(max) && max >= 1 && max <= 64);
  check(valid, `${name}: addPathSendMax ${max}, want 1 to 64`);
}

function checkAigp(name: string, { aigp, aigpMetric: metric }: PeerTemplate): void {
  if (metric === undefined) return;
  check(aigp !== false, `${name}: aigpMetric without aigp, want both`);
  const valid = Number.isInteger(metric) && metric >= 1 && metric <= 0xffffffff;
  check(valid, `${name}: aigpMetric ${metric}, want 1 to 4294967295`);
}

function checkPrefixLimit(name: string, peer: PeerTemplate): void {
  const { prefixCountMax, prefixWarningPercent: percent, prefixRestartMs } = peer;
  if (prefixCountMax === undefined) {
    const none = percent === undefined && prefixRestartMs === undefined;
    check(none, `${name}: prefixWarningPercent or prefixRestartMs without prefixCountMax`);
    return;
  }
  const isCount = Number.isInteger(prefixCountMax) && prefixCountMax >= 1;
  check(isCount, `${name}: prefixCountMax ${prefixCountMax}, want 1 or more`);
  const isPercent = percent === undefined || (percent >= 1 && percent <= 99);
  check(isPercent, `${name}: prefixWarningPercent ${percent}, want 1 to 99`);
  const isTime = typeof prefixRestartMs !== "number" || prefixRestartMs > 0;
  check(isTime, `${name}: prefixRestartMs ${prefixRestartMs}, want more than 0, or never`);
}

function checkBfd(name: string, { bfd }: PeerTemplate): void {
  if (bfd === undefined) return;
  for (const intervalMs of [bfd.txIntervalMs, bfd.rxIntervalMs]) {
    const valid = intervalMs === undefined || (intervalMs >= 10 && intervalMs <= 60_000);
    check(valid, `${name}: bfd interval ${intervalMs} ms, want 10 to 60000`);
  }
  const multiplier = bfd.detectMultiplier ?? 3;
  const valid = Number.isInteger(multiplier) && multiplier >= 1 && multiplier <= 255;
  check(valid, `${name}: bfd.detectMultiplier ${multiplier}, want 1 to 255`);
  const { hopCountMax: hops } = bfd;
  const isCount = hops === undefined || (Number.isInteger(hops) && hops >= 1 && hops <= 255);
  check(isCount, `${name}: bfd.hopCountMax ${hops}, want 1 to 255`);
}

function checkPolicyOf(name: string, field: string, policy: Policy | undefined): void {
  if (policy === undefined) return;
  try {
    checkPolicy(policy);
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    const message = `Cannot configure the BGP speaker: ${name}: ${field}: ${error.message}`;
    throw new SpeakerError("config", message, { cause: error });
  }
}

function isWholeSeconds(ms: number): boolean {
  return ms >= 0 && ms % 1000 === 0;
}

function check(holds: boolean, why: string): asserts holds {
  if (!holds) throw new SpeakerError("config", `Cannot configure the BGP speaker: ${why}`);
}
