/** The configuration file (YAML) -> {@link RouteServerConfig}. Every refusal names the field. */
import { type AddressFamily, addressFamilyNames } from "@heddle/bgp";
import { type ConfigField, defined, readDocument } from "@heddle/config";
import { formatPrefix, type Prefix, parseIp, parseIp4 } from "@heddle/inet";
import {
  type BmpStationConfig,
  bmpViews,
  defaultGracefulRestart,
  defaultSessionTimers,
  type ListenAddress,
  type SessionTimers,
} from "@heddle/speaker";
import type {
  KernelRoutesConfig,
  MetricsAddress,
  OriginatedRoute,
  RangeSource,
  RouteServerConfig,
  TlsFiles,
} from "./config.ts";
import { parseFamilies } from "./families.ts";
import { parseOriginated } from "./parse-originated.ts";
import {
  type PeerContext,
  parseAgents,
  parseLink,
  parseName,
  parsePeer,
  parseRange,
  parseTemplates,
} from "./parse-peers.ts";
import { PolicyBook } from "./policy/parse-policies.ts";
import type { ReadFile } from "./policy/prefix-rules.ts";
import { RouteSelections } from "./policy/route-selection.ts";
import { newSlot, parseAsnOf, SetBook } from "./policy/sets.ts";

const listenCountMax = 64;
const groupCountMax = 1000;
const peerCountMax = 10_000;
const routeCountMax = 100_000;
const stationCountMax = 16;

const rootFields = [
  ...(["name", "asn", "routerId", "clusterId", "confederation", "families", "listen"] as const),
  ...(["tls", "sets", "policies", "templates", "agents", "peers", "dynamicPeers"] as const),
  ...(["unnumberedPeers", "originate", "gracefulRestart", "timers", "multipath"] as const),
  ...(["kernelRoutes", "metrics", "bmp", "kubeconfig", "runDir"] as const),
] as const;

type RootFields = Readonly<Record<(typeof rootFields)[number], ConfigField>>;

/** `readFile` reads what lists of prefixes are in. @throws ConfigError */
export function parseConfig(text: string, readFile: ReadFile): RouteServerConfig {
  const fields = readDocument(text, "the configuration").fields(...rootFields);
  const asn = parseAsnOf(fields.asn);
  const families = parseFamilies(fields.families, addressFamilyNames);
  const tls = fields.tls.maybe(parseTls);
  const listen = fields.listen.items(listenCountMax).map((item) => parseListen(item, tls));
  const kernelRoutes = fields.kernelRoutes.maybe(parseKernelRoutes);
  const sets = new SetBook(fields.sets, readFile);
  const book = new PolicyBook(fields.policies, sets);
  const cx: PeerContext = {
    ...{ asn, families, hasTls: tls !== undefined, forwards: kernelRoutes !== undefined },
    selections: new RouteSelections(book),
    templates: parseTemplates(fields.templates),
  };
  return {
    name: parseName(fields.name),
    ...{ asn, routerId: fields.routerId.parse(parseIp4), families },
    ...{ listen, ...parsePeers(fields, listen, cx) },
    policies: book.policies,
    originate: parseOriginate(fields.originate, families, sets),
    timers: parseTimers(fields.timers),
    multipath: parseMultipath(fields.multipath, kernelRoutes !== undefined),
    metrics: parseMetrics(fields.metrics),
    bmp: parseStations(fields.bmp),
    runDir: fields.runDir.maybe((field) => field.text()) ?? "/run/heddle",
    ...defined({
      tls,
      kernelRoutes,
      clusterId: fields.clusterId.maybe((field) => field.parse(parseIp4)),
      confederation: fields.confederation.maybe(parseConfederation),
      gracefulRestart: parseGracefulRestart(fields.gracefulRestart, families),
      kubeconfig: parseKubeconfig(fields),
    }),
  };
}

function parsePeers(
  fields: RootFields,
  listen: readonly ListenAddress[],
  cx: PeerContext,
): Pick<RouteServerConfig, "agents" | "peers" | "dynamicPeers" | "unnumberedPeers"> {
  const agents = fields.agents.items(groupCountMax).map((item) => parseAgents(item, cx));
  const dynamicPeers = fields.dynamicPeers.items(groupCountMax).map((item) => parseRange(item, cx));
  checkListeners(fields.listen, listen, [...agents, ...dynamicPeers]);
  return {
    agents,
    dynamicPeers,
    peers: fields.peers.items(peerCountMax).map((item) => parsePeer(item, cx)),
    unnumberedPeers: fields.unnumberedPeers.items(groupCountMax).map((item) => parseLink(item, cx)),
  };
}

/** Whoever is known by a range connects to us. */
function checkListeners(
  field: ConfigField,
  listen: readonly ListenAddress[],
  ranges: readonly RangeSource[],
): void {
  for (const { name, template } of ranges) {
    const isTls = template.tls !== undefined;
    if (listen.some(({ tls }) => tls === isTls)) continue;
    const wanted = isTls ? "with tls: true" : "without tls";
    field.fail(`no address for ${name} to connect to, want one ${wanted}`);
  }
}

function parseOriginate(
  field: ConfigField,
  families: readonly AddressFamily[],
  book: SetBook,
): OriginatedRoute[] {
  const slot = newSlot();
  const sets = book.readers(slot);
  const seen = new Set<Prefix>();
  return field.items(routeCountMax).map((item) => {
    const route = parseOriginated(item, families, sets);
    if (slot.isUsed) item.fail("has a community of a peer, want none: it comes from nobody");
    if (seen.has(route.prefix)) {
      item.find("prefix").fail(`${formatPrefix(route.prefix)} twice, want it once`);
    }
    seen.add(route.prefix);
    return route;
  });
}

/** Agents may announce what the API says is theirs; without agents there is nothing to ask. */
function parseKubeconfig({ kubeconfig, agents }: RootFields): string | undefined {
  const hasAgents = agents.items(groupCountMax).length > 0;
  if (hasAgents && !kubeconfig.isPresent)
    kubeconfig.fail("missing, want it where there are agents");
  return kubeconfig.maybe((field) => field.text());
}

function parseConfederation(field: ConfigField): NonNullable<RouteServerConfig["confederation"]> {
  return { identifier: parseAsnOf(field.fields("identifier").identifier) };
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

function parseMetrics(field: ConfigField): readonly MetricsAddress[] {
  if (!field.isPresent) return [];
  const { listen } = field.fields("listen");
  return listen.itemOrItems(listenCountMax).map((item) => {
    const { address, port } = item.fields("address", "port");
    return { address: address.parse(parseIp), port: port.integer(1, 65_535) };
  });
}

function parseKernelRoutes(field: ConfigField): KernelRoutesConfig {
  const { metric, table } = field.fields("metric", "table");
  return {
    metric: metric.maybe((each) => each.integer(1, 0xffffffff)) ?? 20,
    ...defined({ table: table.maybe((each) => each.integer(1, 0xffffffff)) }),
  };
}

/** One path where nothing is forwarded; all equal ones where the kernel shares the load. */
function parseMultipath(field: ConfigField, forwards: boolean): RouteServerConfig["multipath"] {
  const fields = field.maybe((each) => each.fields("ebgpCountMax", "ibgpCountMax", "relaxAsPath"));
  const countOf = (each: ConfigField | undefined): number =>
    each?.maybe((count) => count.integer(1, 64)) ?? (forwards ? 64 : 1);
  return {
    ebgpCountMax: countOf(fields?.ebgpCountMax),
    ibgpCountMax: countOf(fields?.ibgpCountMax),
    relaxAsPath: fields?.relaxAsPath.maybe((each) => each.flag()) === true,
  };
}

type NameOf<Timer extends string> = Timer extends `${infer Name}Ms` ? Name : never;
type TimerName = NameOf<keyof SessionTimers>;

/** The most seconds that make sense. */
const timerSeconds: Readonly<Record<TimerName, number>> = {
  connectRetry: 3600,
  idleHoldMin: 3600,
  idleHoldMax: 3600,
  idleHoldDecay: 86_400,
  openHold: 3600,
  bfdHold: 3600,
  sendHoldMin: 86_400,
  refreshStale: 86_400,
  refreshAnswer: 86_400,
  membershipWait: 3600,
};

function parseTimers(field: ConfigField): Partial<SessionTimers> {
  if (!field.isPresent) return {};
  const names = Object.keys(timerSeconds) as TimerName[];
  const fields = field.fields(...names.map((name) => `${name}Seconds` as const));
  const times = names.map((name): [keyof SessionTimers, number | undefined] => [
    `${name}Ms`,
    fields[`${name}Seconds`].maybe((each) => each.integer(1, timerSeconds[name]) * 1000),
  ]);
  const timers = Object.fromEntries(times.filter(([, value]) => value !== undefined));
  const { idleHoldMinMs, idleHoldMaxMs } = { ...defaultSessionTimers, ...timers };
  if (idleHoldMinMs > idleHoldMaxMs) {
    field.fail(`idleHoldMinSeconds over idleHoldMaxSeconds, ${idleHoldMaxMs / 1000}`);
  }
  return timers;
}

/** RFC 4724 and 9494; `false` turns it off. */
function parseGracefulRestart(
  field: ConfigField,
  families: readonly AddressFamily[],
): RouteServerConfig["gracefulRestart"] {
  const { restarting: _, ...defaults } = defaultGracefulRestart;
  if (!field.isPresent) return defaults;
  if (field.value === false) return undefined;
  const fields = field.fields(
    ...(["restartSeconds", "deferralSeconds", "staleSeconds"] as const),
    ...(["longLived", "longLivedSecondsMax", "longLivedPartial"] as const),
  );
  const msOf = (each: ConfigField, max: number): number | undefined =>
    each.maybe((seconds) => seconds.integer(1, max) * 1000);
  return {
    restartTimeMs: msOf(fields.restartSeconds, 4095) ?? defaults.restartTimeMs,
    deferralMs: msOf(fields.deferralSeconds, 3600) ?? defaults.deferralMs,
    staleTimeMs: msOf(fields.staleSeconds, 3600) ?? defaults.staleTimeMs,
    ...defined({
      longLived: fields.longLived.maybe((each) => parseLongLived(each, families)),
      longLivedTimeMsMax: msOf(fields.longLivedSecondsMax, 0xffffff),
      longLivedPartial: fields.longLivedPartial.maybe((each) => each.flag()),
    }),
  };
}

/** `[{ families: [ipv4-vpn], staleSeconds: 3600 }]`; without families, of all. */
function parseLongLived(
  field: ConfigField,
  allowed: readonly AddressFamily[],
): NonNullable<NonNullable<RouteServerConfig["gracefulRestart"]>["longLived"]> {
  const seen = new Set<AddressFamily>();
  return field.itemOrItems(addressFamilyNames.length).flatMap((item) => {
    const { families, staleSeconds } = item.fields("families", "staleSeconds");
    const staleTimeMs = staleSeconds.integer(1, 0xffffff) * 1000;
    return parseFamilies(families, allowed).map((family) => {
      if (seen.has(family)) item.fail(`${family} twice, want it once`);
      seen.add(family);
      return { family, staleTimeMs };
    });
  });
}

function parseStations(field: ConfigField): BmpStationConfig[] {
  const items = field.items(stationCountMax);
  const stations = items.map(parseStation);
  const names = stations.map(({ host, port }) => `${host} port ${port}`);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) items[twice]?.fail(`${names[twice]} twice, want it once`);
  return stations;
}

function parseStation(field: ConfigField): BmpStationConfig {
  const fields = field.fields("host", "port", "views", "statisticsSeconds");
  const views = fields.views.items(bmpViews.length).map((item) => item.oneOf(bmpViews));
  const statistics = fields.statisticsSeconds.maybe((each) => each.integer(0, 86_400));
  return {
    host: fields.host.text(),
    port: fields.port.integer(1, 65_535),
    ...(views.length === 0 ? {} : { views }),
    ...(statistics === undefined ? {} : { statisticsMs: statistics * 1000 }),
  };
}
