/** The configuration file (YAML) -> {@link RouteServerConfig}. Every refusal names the field. */
import { type AddressFamily, addressFamilyNames, type PrefixRule } from "@heddle/bgp";
import { type Asn, parseAsn, parseIp, parseIp4, parsePrefix, widthOf } from "@heddle/inet";
import type { BmpStationConfig, ListenAddress } from "@heddle/speaker";
import { parse as parseYaml } from "yaml";
import type {
  AgentGroupConfig,
  AgentIdentity,
  ExternalPeerConfig,
  RouteSelection,
  RouteServerConfig,
  TlsFiles,
} from "./config.ts";
import { ConfigError, ConfigField } from "./field.ts";

const groupCountMax = 100;
const peerCountMax = 1000;
const ruleCountMax = 1000;
const stationCountMax = 16;
const shortFamilies: Readonly<Record<string, AddressFamily>> = {
  ipv4: "ipv4-unicast",
  ipv6: "ipv6-unicast",
};

/** @throws ConfigError */
export function parseConfig(text: string): RouteServerConfig {
  const fields = new ConfigField("", parseDocument(text)).fields(
    ...(["name", "asn", "routerId", "clusterId", "families", "listen", "tls"] as const),
    ...(["agents", "peers", "gracefulRestart", "bmp", "kubeconfig", "runDir"] as const),
  );
  const asn = parseAsnOf(fields.asn);
  const families = parseFamilies(fields.families, addressFamilyNames);
  const tls = fields.tls.maybe(parseTls);
  const clusterId = fields.clusterId.maybe((field) => field.parse(parseIp4));
  return {
    name: parseName(fields.name),
    asn,
    routerId: fields.routerId.parse(parseIp4),
    ...(clusterId === undefined ? {} : { clusterId }),
    families,
    listen: fields.listen.items(16).map((item) => parseListen(item, tls)),
    ...(tls === undefined ? {} : { tls }),
    agents: fields.agents.items(groupCountMax).map((item) => parseAgents(item, families, tls)),
    peers: fields.peers.items(peerCountMax).map((item) => parsePeer(item, families, asn, tls)),
    gracefulRestart: parseGracefulRestart(fields.gracefulRestart),
    bmp: fields.bmp.items(stationCountMax).map(parseStation),
    kubeconfig: fields.kubeconfig.text(),
    runDir: fields.runDir.maybe((field) => field.text()) ?? "/run/heddle",
  };
}

function parseDocument(text: string): unknown {
  try {
    return parseYaml(text, { logLevel: "error" });
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    // The lines after the first draw the place in the file, which the first names in words.
    const why = cause.message.split("\n", 1)[0]?.replace(/:$/, "");
    throw new ConfigError(`Cannot read the configuration: ${why}`, { cause });
  }
}

function parseName(field: ConfigField): string {
  const name = field.text();
  return /^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/.test(name)
    ? name
    : field.fail(`${JSON.stringify(name)}, want at most 64 of a-z 0-9 - .`);
}

function parseAsnOf(field: ConfigField): Asn {
  return parseAsn(field.integer(1, 0xffffffff));
}

/** Absent: all that are allowed. */
function parseFamilies(field: ConfigField, allowed: readonly AddressFamily[]): AddressFamily[] {
  const items = field.items(addressFamilyNames.length);
  if (items.length === 0) return [...allowed];
  const names = items.map((item) => {
    const name = item.text();
    const family = shortFamilies[name] ?? allowed.find((each) => each === name);
    const isAllowed = family !== undefined && allowed.includes(family);
    return isAllowed
      ? family
      : item.fail(`${JSON.stringify(name)}, want one of ${allowed.join(", ")}`);
  });
  return new Set(names).size === names.length ? names : field.fail("a family twice, want it once");
}

function parseTls(field: ConfigField): TlsFiles {
  const { certificate, key, authorities } = field.fields("certificate", "key", "authorities");
  return { certificate: certificate.text(), key: key.text(), authorities: authorities.text() };
}

function parseListen(field: ConfigField, tls: TlsFiles | undefined): ListenAddress {
  const fields = field.fields("address", "port", "tls");
  const isTls = fields.tls.maybe((each) => each.flag()) === true;
  if (isTls && tls === undefined) fields.tls.fail("true without tls of the route server");
  return {
    address: fields.address.parse(parseIp),
    port: fields.port.maybe((each) => each.integer(0, 65_535)) ?? 179,
    tls: isTls,
  };
}

function parseAgents(
  field: ConfigField,
  families: readonly AddressFamily[],
  tls: TlsFiles | undefined,
): AgentGroupConfig {
  const fields = field.fields(
    ...(["name", "prefix", "families", "identity", "peerCountMax"] as const),
    ...(["prefixCountMax", "holdTimeSeconds"] as const),
  );
  const prefixCountMax = fields.prefixCountMax.maybe(parseCount);
  const holdTimeMs = fields.holdTimeSeconds.maybe(parseHoldTime);
  return {
    name: parseName(fields.name),
    prefix: fields.prefix.parse(parsePrefix),
    families: parseFamilies(fields.families, families),
    peerCountMax: fields.peerCountMax.maybe((each) => each.integer(1, 10_000)) ?? 1000,
    ...(prefixCountMax === undefined ? {} : { prefixCountMax }),
    ...(holdTimeMs === undefined ? {} : { holdTimeMs }),
    identity: parseIdentity(fields.identity, tls),
  };
}

function parseIdentity(field: ConfigField, tls: TlsFiles | undefined): AgentIdentity {
  const fields = field.fields("by", "suffix");
  const by = fields.by.oneOf(["certificate", "address"]);
  if (by === "address") {
    if (fields.suffix.isPresent) fields.suffix.fail("given, want it for certificates only");
    return { kind: "address" };
  }
  if (tls === undefined) fields.by.fail("certificate without tls of the route server");
  const suffix = fields.suffix.maybe((each) => each.text()) ?? "";
  if (suffix === "" || suffix.startsWith(".")) return { kind: "certificate", suffix };
  return fields.suffix.fail(`${JSON.stringify(suffix)}, want a dot first, such as .agents.example`);
}

function parsePeer(
  field: ConfigField,
  families: readonly AddressFamily[],
  own: Asn,
  tls: TlsFiles | undefined,
): ExternalPeerConfig {
  const fields = field.fields(
    ...(["address", "asn", "localAddress", "port", "families", "import", "export"] as const),
    ...(["nextHopSelf", "passive", "holdTimeSeconds", "prefixCountMax"] as const),
    ...(["passwordFile", "ttlSecurity", "bfd", "tlsName"] as const),
  );
  const asn = parseAsnOf(fields.asn);
  if (asn === own) fields.asn.fail(`${asn} is our own, want another: agents are under agents`);
  const flag = (name: "nextHopSelf" | "passive" | "ttlSecurity" | "bfd"): boolean =>
    fields[name].maybe((each) => each.flag()) === true;
  const localAddress = fields.localAddress.maybe((each) => each.parse(parseIp));
  const bfd = flag("bfd");
  if (bfd && localAddress === undefined) fields.bfd.fail("true without localAddress, want both");
  const port = fields.port.maybe((each) => each.integer(1, 65_535));
  const holdTimeMs = fields.holdTimeSeconds.maybe(parseHoldTime);
  const prefixCountMax = fields.prefixCountMax.maybe(parseCount);
  const passwordFile = fields.passwordFile.maybe((each) => each.text());
  const tlsName = fields.tlsName.maybe((each) => each.text());
  if (tlsName !== undefined && tls === undefined) {
    fields.tlsName.fail("given without tls of the route server");
  }
  return {
    ...{ address: fields.address.parse(parseIp), asn, bfd },
    families: parseFamilies(fields.families, families),
    import: parseSelection(fields.import),
    export: parseSelection(fields.export),
    nextHopSelf: flag("nextHopSelf"),
    passive: flag("passive"),
    ttlSecurity: flag("ttlSecurity"),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(port === undefined ? {} : { port }),
    ...(holdTimeMs === undefined ? {} : { holdTimeMs }),
    ...(prefixCountMax === undefined ? {} : { prefixCountMax }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(tlsName === undefined ? {} : { tlsName }),
  };
}

function parseCount(field: ConfigField): number {
  return field.integer(1, 100_000_000);
}

function parseHoldTime(field: ConfigField): number {
  return field.integer(3, 65_535) * 1000;
}

function parseSelection(field: ConfigField): RouteSelection {
  if (!field.isPresent) return "none";
  const named = ["all", "none", "default-only"] as const;
  if (!field.isList) return field.oneOf(named);
  return field.items(ruleCountMax).map(parseRule);
}

function parseRule(field: ConfigField): PrefixRule {
  const fields = field.fields("prefix", "ge", "le");
  const prefix = fields.prefix.parse(parsePrefix);
  const width = widthOf(prefix.family);
  const ge = fields.ge.maybe((each) => each.integer(prefix.length, width));
  const le = fields.le.maybe((each) => each.integer(ge ?? prefix.length, width));
  return {
    prefix,
    ...(ge === undefined ? {} : { ge }),
    ...(le === undefined ? {} : { le }),
  };
}

function parseStation(field: ConfigField): BmpStationConfig {
  const fields = field.fields("host", "port", "views", "statisticsSeconds");
  const views = fields.views
    .items(2)
    .map((item) => item.oneOf(["pre-policy", "post-policy"] as const));
  const statistics = fields.statisticsSeconds.maybe((each) => each.integer(0, 86_400));
  return {
    host: fields.host.text(),
    port: fields.port.integer(1, 65_535),
    ...(views.length === 0 ? {} : { views }),
    ...(statistics === undefined ? {} : { statisticsMs: statistics * 1000 }),
  };
}

function parseGracefulRestart(field: ConfigField): RouteServerConfig["gracefulRestart"] {
  const defaults = { restartTimeMs: 120_000, deferralMs: 30_000 };
  if (!field.isPresent) return defaults;
  const { restartSeconds, deferralSeconds } = field.fields("restartSeconds", "deferralSeconds");
  const restart = restartSeconds.maybe((each) => each.integer(1, 4095));
  const deferral = deferralSeconds.maybe((each) => each.integer(1, 3600));
  return {
    restartTimeMs: restart === undefined ? defaults.restartTimeMs : restart * 1000,
    deferralMs: deferral === undefined ? defaults.deferralMs : deferral * 1000,
  };
}
