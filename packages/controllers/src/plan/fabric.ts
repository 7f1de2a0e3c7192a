/**
 * Status of what the fabric is made of. Whether a switch runs its configuration and whether a link
 * is up is for those to report who see it; without a report Ready is Unknown.
 */
import {
  endpointName,
  type Fabric,
  type FabricStatus,
  type Link,
  type LinkEndpoint,
  type LinkStatus,
  type Switch,
  type SwitchStatus,
} from "@heddle/api";
import type { ClusterView } from "../cluster-state.ts";
import { conditionsOf, no, unknown, type Verdict, yes } from "./conditions.ts";

export function planFabric(fabric: Fabric, view: ClusterView, at: string): FabricStatus {
  const switches = view.referrers(`Fabric/${fabric.metadata.name}`, "Switch");
  const { readySwitchCount: _before, ...kept } = fabric.status ?? {};
  const isReported = switches.some((it) => it.status?.observed?.inSync !== undefined);
  const readySwitchCount = switches.filter((it) => it.status?.observed?.inSync === true).length;
  return {
    ...kept,
    switchCount: switches.length,
    ...(isReported ? { readySwitchCount } : {}),
    conditions: conditionsOf(fabric, at, { Ready: fabricReadiness(fabric, switches, view) }),
  };
}

function fabricReadiness(
  { spec }: Fabric,
  switches: readonly Switch[],
  view: ClusterView,
): Verdict {
  const broken = spec.vrfs.find(
    ({ vpc }) => vpc !== undefined && view.get("Vpc", vpc) === undefined,
  );
  if (broken !== undefined) {
    const message = `there is no Vpc ${JSON.stringify(broken.vpc)}, which VRF ${broken.name} names`;
    return no("VpcMissing", message);
  }
  if (switches.length === 0) return no("SwitchMissing", "no Switch names this Fabric");
  const stale = switches.find((it) => it.status?.observed?.inSync === false);
  if (stale !== undefined) {
    const message = `Switch ${stale.metadata.name} does not run the wanted configuration`;
    return no("SwitchOutOfSync", message);
  }
  const silent = switches.filter((it) => it.status?.observed?.inSync === undefined).length;
  return silent === 0
    ? yes("InSync", "every Switch runs the wanted configuration")
    : unknown("NotObserved", `nothing has been read from ${silent} of ${switches.length} Switches`);
}

export function planSwitch(it: Switch, view: ClusterView, at: string): SwitchStatus {
  return { ...it.status, conditions: conditionsOf(it, at, { Ready: switchReadiness(it, view) }) };
}

function switchReadiness({ spec, status }: Switch, view: ClusterView): Verdict {
  if (view.get("Fabric", spec.fabric) === undefined) return fabricMissing(spec.fabric);
  switch (status?.observed?.inSync) {
    case undefined:
      return unknown("NotObserved", "nothing has been read from it");
    case true:
      return yes("InSync", "it runs the wanted configuration");
    case false:
      return no("OutOfSync", "it does not run the wanted configuration");
  }
}

export function planLink(link: Link, view: ClusterView, at: string): LinkStatus {
  return {
    ...(link.status ?? { state: "Unknown" }),
    conditions: conditionsOf(link, at, { Ready: linkReadiness(link, view) }),
  };
}

function linkReadiness({ spec, status }: Link, view: ClusterView): Verdict {
  const fabric = view.get("Fabric", spec.fabric);
  if (fabric === undefined) return fabricMissing(spec.fabric);
  const fault = endFault(spec.a, view) ?? endFault(spec.b, view);
  if (fault !== undefined) return fault;
  const { vrf } = spec;
  if (vrf !== undefined && !fabric.spec.vrfs.some(({ name }) => name === vrf)) {
    return no("VrfMissing", `Fabric ${spec.fabric} has no VRF ${JSON.stringify(vrf)}`);
  }
  if (status?.state === "Up") return yes("Up", "both interfaces are up");
  return status?.state === "Down"
    ? no("Down", "one of the interfaces is down")
    : unknown("NotObserved", "nobody has reported the state of its interfaces");
}

function endFault(end: LinkEndpoint, view: ClusterView): Verdict | undefined {
  if (end.switch !== undefined && view.get("Switch", end.switch) === undefined) {
    return no("SwitchMissing", `there is no Switch of ${endpointName(end)}`);
  }
  if (end.node !== undefined && view.isNodeMissing(end.node)) {
    return no("NodeMissing", `there is no Node of ${endpointName(end)}`);
  }
  return undefined;
}

function fabricMissing(name: string): Verdict {
  return no("FabricMissing", `there is no Fabric ${JSON.stringify(name)}`);
}
