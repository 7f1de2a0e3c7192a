// Generated from bpf/heddle.bpf.c by tools/gen-bpf.ts. Do not edit.
/** Accessors of the maps of `bpf/heddle.bpf.c`; `bpf/lib/types.h` documents every field. */
import {
  getBytes,
  getText,
  type MapSpec,
  type ObjectSpec,
  putBytes,
  putText,
  u32Codec,
  type ValueCodec,
} from "@heddle/ebpf";

export interface Counter {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export const counterCodec: ValueCodec<Counter> = {
  size: 16,
  encode(value, view, at): void {
    view.setBigUint64(at, value.packets, true);
    view.setBigUint64(at + 8, value.bytes, true);
  },
  decode(view, at): Counter {
    return {
      packets: view.getBigUint64(at, true),
      bytes: view.getBigUint64(at + 8, true),
    };
  },
};

export interface Route4Key {
  readonly prefixLength: number;
  readonly vrf: number;
  readonly address: number;
}

export const route4KeyCodec: ValueCodec<Route4Key> = {
  size: 12,
  encode(value, view, at): void {
    view.setUint32(at, value.prefixLength, true);
    view.setUint32(at + 4, value.vrf, true);
    view.setUint32(at + 8, value.address, false);
  },
  decode(view, at): Route4Key {
    return {
      prefixLength: view.getUint32(at, true),
      vrf: view.getUint32(at + 4, true),
      address: view.getUint32(at + 8, false),
    };
  },
};

export interface Route {
  readonly action: number;
  readonly ifindex: number;
  readonly mac: Uint8Array;
  readonly hostMac: Uint8Array;
}

export const routeCodec: ValueCodec<Route> = {
  size: 20,
  encode(value, view, at): void {
    view.setUint32(at, value.action, true);
    view.setUint32(at + 4, value.ifindex, true);
    putBytes(view, at + 8, 6, value.mac);
    putBytes(view, at + 14, 6, value.hostMac);
  },
  decode(view, at): Route {
    return {
      action: view.getUint32(at, true),
      ifindex: view.getUint32(at + 4, true),
      mac: getBytes(view, at + 8, 6),
      hostMac: getBytes(view, at + 14, 6),
    };
  },
};

export interface Route6Key {
  readonly prefixLength: number;
  readonly vrf: number;
  readonly address: Uint8Array;
}

export const route6KeyCodec: ValueCodec<Route6Key> = {
  size: 24,
  encode(value, view, at): void {
    view.setUint32(at, value.prefixLength, true);
    view.setUint32(at + 4, value.vrf, true);
    putBytes(view, at + 8, 16, value.address);
  },
  decode(view, at): Route6Key {
    return {
      prefixLength: view.getUint32(at, true),
      vrf: view.getUint32(at + 4, true),
      address: getBytes(view, at + 8, 16),
    };
  },
};

export interface Vif {
  readonly vrf: number;
  readonly address4: number;
  readonly address6: Uint8Array;
  readonly mac: Uint8Array;
  readonly hostMac: Uint8Array;
  readonly infrastructure4: number;
  readonly node4: number;
  readonly infrastructure6: Uint8Array;
  readonly node6: Uint8Array;
  readonly hostIfname: string;
}

export const vifCodec: ValueCodec<Vif> = {
  size: 92,
  encode(value, view, at): void {
    view.setUint32(at, value.vrf, true);
    view.setUint32(at + 4, value.address4, false);
    putBytes(view, at + 8, 16, value.address6);
    putBytes(view, at + 24, 6, value.mac);
    putBytes(view, at + 30, 6, value.hostMac);
    view.setUint32(at + 36, value.infrastructure4, false);
    view.setUint32(at + 40, value.node4, false);
    putBytes(view, at + 44, 16, value.infrastructure6);
    putBytes(view, at + 60, 16, value.node6);
    putText(view, at + 76, 16, value.hostIfname);
  },
  decode(view, at): Vif {
    return {
      vrf: view.getUint32(at, true),
      address4: view.getUint32(at + 4, false),
      address6: getBytes(view, at + 8, 16),
      mac: getBytes(view, at + 24, 6),
      hostMac: getBytes(view, at + 30, 6),
      infrastructure4: view.getUint32(at + 36, false),
      node4: view.getUint32(at + 40, false),
      infrastructure6: getBytes(view, at + 44, 16),
      node6: getBytes(view, at + 60, 16),
      hostIfname: getText(view, at + 76, 16),
    };
  },
};

export const dropsMap: MapSpec<number, Counter> = {
  name: "drops",
  mapType: 6,
  flags: 0,
  entryCountMax: 64,
  layout:
    "type 6 flags 0 entries 64 key u32 value counter[16]{0:packets u64, 8:bytes u64}",
  key: u32Codec,
  value: counterCodec,
};

export const pathsMap: MapSpec<number, Counter> = {
  name: "paths",
  mapType: 6,
  flags: 0,
  entryCountMax: 64,
  layout:
    "type 6 flags 0 entries 64 key u32 value counter[16]{0:packets u64, 8:bytes u64}",
  key: u32Codec,
  value: counterCodec,
};

export const routes4Map: MapSpec<Route4Key, Route> = {
  name: "routes4",
  mapType: 11,
  flags: 1,
  entryCountMax: 65536,
  layout:
    "type 11 flags 1 entries 65536 key route4_key[12]{0:prefix_length u32, 4:vrf u32, 8:address be32} value route[20]{0:action enum32(ROUTE_LOCAL=1 ROUTE_FIB=2 ROUTE_STACK=3 ROUTE_BLACKHOLE=4 ROUTE_INFRASTRUCTURE=5), 4:ifindex u32, 8:mac bytes[6], 14:host_mac bytes[6]}",
  key: route4KeyCodec,
  value: routeCodec,
};

export const routes6Map: MapSpec<Route6Key, Route> = {
  name: "routes6",
  mapType: 11,
  flags: 1,
  entryCountMax: 65536,
  layout:
    "type 11 flags 1 entries 65536 key route6_key[24]{0:prefix_length u32, 4:vrf u32, 8:address bytes[16]} value route[20]{0:action enum32(ROUTE_LOCAL=1 ROUTE_FIB=2 ROUTE_STACK=3 ROUTE_BLACKHOLE=4 ROUTE_INFRASTRUCTURE=5), 4:ifindex u32, 8:mac bytes[6], 14:host_mac bytes[6]}",
  key: route6KeyCodec,
  value: routeCodec,
};

export const vifsMap: MapSpec<number, Vif> = {
  name: "vifs",
  mapType: 1,
  flags: 0,
  entryCountMax: 4096,
  layout:
    "type 1 flags 0 entries 4096 key u32 value vif[92]{0:vrf u32, 4:address4 be32, 8:address6 bytes[16], 24:mac bytes[6], 30:host_mac bytes[6], 36:infrastructure4 be32, 40:node4 be32, 44:infrastructure6 bytes[16], 60:node6 bytes[16], 76:host_ifname text[16]}",
  key: u32Codec,
  value: vifCodec,
};

export const heddleObject: ObjectSpec = {
  name: "heddle",
  layoutHash: "d4ec0d0781da18be",
  maps: [dropsMap, pathsMap, routes4Map, routes6Map, vifsMap],
  programs: ["from_pod", "from_uplink", "to_pod"],
};

export const routeAction: {
  readonly local: 1;
  readonly fib: 2;
  readonly stack: 3;
  readonly blackhole: 4;
  readonly infrastructure: 5;
} = {
  local: 1,
  fib: 2,
  stack: 3,
  blackhole: 4,
  infrastructure: 5,
};
export type RouteAction = keyof typeof routeAction;

export const dropReason: {
  readonly "no-vif": 0;
  readonly "spoofed-mac": 1;
  readonly "spoofed-address": 2;
  readonly "not-for-gateway": 3;
  readonly vlan: 4;
  readonly "not-ip": 5;
  readonly malformed: 6;
  readonly multicast: 7;
  readonly "link-local": 8;
  readonly "bad-destination": 9;
  readonly "arp-target": 10;
  readonly "no-route": 11;
  readonly blackhole: 12;
  readonly "stack-of-other-vrf": 13;
  readonly "spoofed-by-uplink": 14;
  readonly "rewrite-failed": 15;
  readonly "not-from-node": 16;
  readonly untranslatable: 17;
} = {
  "no-vif": 0,
  "spoofed-mac": 1,
  "spoofed-address": 2,
  "not-for-gateway": 3,
  vlan: 4,
  "not-ip": 5,
  malformed: 6,
  multicast: 7,
  "link-local": 8,
  "bad-destination": 9,
  "arp-target": 10,
  "no-route": 11,
  blackhole: 12,
  "stack-of-other-vrf": 13,
  "spoofed-by-uplink": 14,
  "rewrite-failed": 15,
  "not-from-node": 16,
  untranslatable: 17,
};
export type DropReason = keyof typeof dropReason;

export const forwardPath: {
  readonly "pod-to-pod": 0;
  readonly "pod-to-uplink": 1;
  readonly "pod-to-stack": 2;
  readonly "uplink-to-pod": 3;
  readonly "stack-to-pod": 4;
  readonly "neighbor-reply": 5;
} = {
  "pod-to-pod": 0,
  "pod-to-uplink": 1,
  "pod-to-stack": 2,
  "uplink-to-pod": 3,
  "stack-to-pod": 4,
  "neighbor-reply": 5,
};
export type ForwardPath = keyof typeof forwardPath;
