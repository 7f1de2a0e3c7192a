/** Objects of the API as values of the planner. */
import type * as api from "@heddle/api";
import {
  containsIp,
  parseAsn,
  parseInterfaceAddress,
  parseIp4,
  parsePrefix,
  parseRouteTarget,
  parseVni,
} from "@heddle/inet";
import { FabricError } from "./errors.ts";
import type { Fabric, FabricVrf, InterfaceAddress, Link, LinkEnd, Switch } from "./model.ts";

/**
 * Linux and FRR: no space, no slash, at most 15 characters. Keeps foreign text out of
 * configurations.
 */
const interfaceName = /^[A-Za-z0-9_.-]{1,15}$/;

/** @throws FabricError `invalid` with the path of the field */
export function parseFabric({ metadata, spec }: api.Fabric): Fabric {
  const path = `Fabric/${metadata.name} spec`;
  return {
    name: metadata.name,
    asn: at(`${path}.asn`, parseAsn, spec.asn),
    nodeAsn: at(`${path}.nodeAsn`, parseAsn, spec.nodeAsn),
    mtuBytes: spec.mtu,
    underlay: {
      area: at(`${path}.underlay.area`, parseIp4, spec.underlay.area),
      helloSeconds: spec.underlay.helloIntervalSeconds,
      deadSeconds: spec.underlay.deadIntervalSeconds,
    },
    vrfs: spec.vrfs.map((vrf, i) => parseVrf(`${path}.vrfs[${i}]`, vrf)),
    pathCountMax: spec.maximumPaths,
  };
}

function parseVrf(path: string, vrf: api.FabricVrf): FabricVrf {
  return {
    name: at(`${path}.name`, parseInterfaceName, vrf.name),
    vni: at(`${path}.vni`, parseVni, vrf.vni),
    routeTarget: at(`${path}.routeTarget`, parseRouteTarget, vrf.routeTarget),
    aggregates: vrf.aggregates.map((text, i) => at(`${path}.aggregates[${i}]`, parsePrefix, text)),
  };
}

/** The loopback must lie in the fabric's `loopbackCidr`. @throws FabricError */
export function parseSwitch({ metadata, spec }: api.Switch, fabric: api.Fabric): Switch {
  const path = `Switch/${metadata.name}`;
  if (spec.fabric !== fabric.metadata.name) {
    const why = `${spec.fabric}, want ${fabric.metadata.name}`;
    throw new FabricError("unknown-reference", `${path} spec.fabric`, why);
  }
  const loopback = at(`${path} spec.loopback`, parseIp4, spec.loopback);
  const loopbacks = at("Fabric spec.loopbackCidr", parsePrefix, fabric.spec.loopbackCidr);
  if (!containsIp(loopbacks, loopback)) {
    const why = `${spec.loopback}, want one inside ${fabric.spec.loopbackCidr}`;
    throw new FabricError("invalid", `${path} spec.loopback`, why);
  }
  const name = at(`${path} metadata.name`, parseDeviceName, metadata.name);
  return { name, role: spec.role, rack: spec.rack, loopback };
}

/** @throws FabricError */
export function parseLink({ metadata, spec }: api.Link): Link {
  const path = `Link/${metadata.name} spec`;
  return {
    name: metadata.name,
    kind: spec.kind,
    vrf: spec.vrf,
    a: parseEnd(`${path}.a`, spec.a),
    b: parseEnd(`${path}.b`, spec.b),
    mtuBytes: spec.mtu,
  };
}

function parseEnd(path: string, end: api.LinkEndpoint): LinkEnd {
  return {
    ...parseOwner(path, end),
    ifname: at(`${path}.interface`, parseInterfaceName, end.interface),
    addresses: end.addresses.map((text, i) => {
      return at(`${path}.addresses[${i}]`, parseInterfaceAddress, text);
    }) satisfies InterfaceAddress[],
  };
}

function parseOwner(path: string, end: api.LinkEndpoint): Pick<LinkEnd, "kind" | "name"> {
  for (const kind of ["switch", "node", "device"] as const) {
    const name = end[kind];
    if (name !== undefined) return { kind, name: at(`${path}.${kind}`, parseDeviceName, name) };
  }
  throw new FabricError("invalid", path, "no owner, want switch, node or device");
}

function parseInterfaceName(text: string): string {
  if (interfaceName.test(text)) return text;
  throw new SyntaxError(`${JSON.stringify(text)}, want 1 to 15 of A-Z a-z 0-9 _ . -`);
}

/** A DNS name (RFC 1123), as Kubernetes names nodes. */
function parseDeviceName(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw new SyntaxError(`${JSON.stringify(text)}, want a DNS name in lower case`);
}

/** Runs a parser and names the field when it refuses. */
function at<I, O>(path: string, parse: (input: I) => O, input: I): O {
  try {
    return parse(input);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FabricError("invalid", path, why, { cause });
  }
}
