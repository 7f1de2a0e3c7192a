/**
 * Which subnet a pod gets: the one that its annotation names, else the one whose list has its
 * namespace, else the one whose selector matches its namespace, else the default one. Two subnets
 * that match equally well are an error: a choice by accident would change with the next object.
 */

import type { Namespace, Pod } from "@heddle/api";
import { matchesLabels, nativeVpcName } from "@heddle/api";
import { CniError } from "@heddle/cni";
import { nativeVrf } from "@heddle/vrouter";
import { isRouted, type RoutedSubnet, type SubnetPlan } from "../cluster/address-plan.ts";

export const subnetAnnotation = "heddle.io/subnet";
/** One address, or one of each family separated by a comma. */
export const addressAnnotation = "heddle.io/ip";
export const claimNameAnnotation = "heddle.io/ip-claim";

/** @throws CniError UnknownSubnet */
export function chooseSubnet(
  subnets: ReadonlyMap<string, SubnetPlan>,
  namespace: Namespace,
  pod: Pod,
): SubnetPlan {
  const named = pod.metadata.annotations?.[subnetAnnotation];
  if (named !== undefined) {
    const subnet = subnets.get(named);
    if (subnet !== undefined) return subnet;
    throw refuse(
      pod,
      `annotation ${subnetAnnotation} names ${JSON.stringify(named)}, which does not exist`,
    );
  }
  const all = [...subnets.values()];
  const name = namespace.metadata.name;
  return (
    only(
      pod,
      "list the namespace",
      all.filter(({ subnet }) => subnet.spec.namespaces.includes(name)),
    ) ??
    only(
      pod,
      "select the namespace",
      all.filter((plan) => selects(plan, namespace)),
    ) ??
    only(
      pod,
      "are default",
      all.filter(({ subnet }) => subnet.spec.default),
    ) ??
    none(pod)
  );
}

/**
 * Where the infrastructure addresses of a pod of `subnet` come from: the default subnet of the
 * native VRF. Undefined for a pod of the native VRF, which needs none.
 * @throws CniError UnknownSubnet when there is no such subnet, or none with a family in common
 */
export function chooseInfrastructure(
  subnets: ReadonlyMap<string, SubnetPlan>,
  subnet: RoutedSubnet,
): RoutedSubnet | undefined {
  if (subnet.vrf === nativeVrf) return undefined;
  const found = [...subnets.values()]
    .filter(isRouted)
    .find(({ vrf, subnet: { spec } }) => vrf === nativeVrf && spec.default);
  const what = `Cannot give pods of subnet ${subnet.name} infrastructure addresses`;
  if (found === undefined) {
    throw new CniError("UnknownSubnet", `${what}: no Subnet of Vpc ${nativeVpcName} is default`);
  }
  if ([...subnet.reservations.keys()].some((family) => found.reservations.has(family))) {
    return found;
  }
  throw new CniError("UnknownSubnet", `${what}: no address family in common with ${found.name}`);
}

function selects({ subnet }: SubnetPlan, namespace: Namespace): boolean {
  const selector = subnet.spec.namespaceSelector;
  return selector !== undefined && matchesLabels(selector, namespace.metadata.labels);
}

function only(pod: Pod, what: string, found: readonly SubnetPlan[]): SubnetPlan | undefined {
  if (found.length <= 1) return found[0];
  const names = found.map((plan) => plan.name).join(", ");
  throw refuse(pod, `subnets ${names} all ${what}, want one`);
}

function none(pod: Pod): never {
  throw refuse(pod, "no subnet lists or selects its namespace, and none is default");
}

function refuse(pod: Pod, why: string): CniError {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  return new CniError("UnknownSubnet", `Cannot choose a subnet for pod ${name}: ${why}`);
}
