/**
 * What the server demands of every write beyond the rules of the store. It runs on the newest
 * states and without waiting, so two writes that exclude each other cannot both pass.
 */
import {
  blockNameOf,
  checkBlockInPool,
  checkBlockInVpc,
  checkPoolInSubnet,
  type FieldError,
  findOverlaps,
  findPoolOverlaps,
  findSecondDefault,
  type IPBlock,
  type IPPool,
  invalid,
  ipBlockKind,
  ipPoolKind,
  type KubeObject,
  namespaceKind,
  nativeVpcName,
  type ResourceKind,
  type Subnet,
  subnetKind,
  validate,
  validateUpdate,
  vpcKind,
} from "@heddle/api";
import { parsePrefix } from "@heddle/inet";
import {
  type AdmissionRequest,
  type AdmissionView,
  notFound,
  resourceNameOf,
  StatusError,
} from "@heddle/kube";
import { completed, invalidObject } from "./object-checks.ts";

/** Namespaces that always exist. */
export const builtInNamespaces: readonly string[] = ["default", "kube-system", "kube-node-lease"];

/** Holds a namespace that is being deleted until it is empty. */
export const namespaceFinalizer = "heddle.io/namespace-contents";

/** The admission of a store that the API server serves. @throws StatusError */
export function admit(request: AdmissionRequest, view: AdmissionView): KubeObject {
  const { kind, operation, previous } = request;
  if (operation === "delete") {
    checkDeletion(kind, request.object);
    return request.object;
  }
  const object = withFinalizer(kind, operation, completed(kind, request.object));
  if (operation === "create") checkNamespace(kind, object, view);
  const errors =
    previous === undefined ? validate(kind, object) : validateUpdate(kind, object, previous);
  if (operation === "create" && kind === vpcKind) errors.push(...vpcNameErrors(object));
  if (errors.length === 0 && operation !== "updateStatus") {
    errors.push(...neighbourErrors(kind, object, view));
  }
  if (errors.length > 0) throw invalidObject(kind, object.metadata.name, errors);
  return object;
}

function withFinalizer(
  kind: ResourceKind,
  operation: AdmissionRequest["operation"],
  object: KubeObject,
): KubeObject {
  if (kind !== namespaceKind || operation !== "create") return object;
  const { finalizers } = object.metadata;
  if (finalizers?.includes(namespaceFinalizer)) return object;
  const all = finalizers === undefined ? [namespaceFinalizer] : [...finalizers, namespaceFinalizer];
  return { ...object, metadata: { ...object.metadata, finalizers: all } };
}

function checkDeletion(kind: ResourceKind, { metadata: { name } }: KubeObject): void {
  const what = undeletable(kind, name);
  if (what === undefined) return;
  const subject = `${resourceNameOf(kind)} ${JSON.stringify(name)}`;
  throw new StatusError("Forbidden", `${subject} is forbidden: ${what} may not be deleted`);
}

/** What the object is when the cluster cannot be without it. */
function undeletable(kind: ResourceKind, name: string): string | undefined {
  if (kind === namespaceKind && builtInNamespaces.includes(name)) return "this namespace";
  // Native addresses are in it, and its status counts the VRF ids that have been given.
  if (kind === vpcKind && name === nativeVpcName) return "the native VPC";
  return undefined;
}

function checkNamespace(kind: ResourceKind, object: KubeObject, view: AdmissionView): void {
  const { name, namespace } = object.metadata;
  if (!kind.namespaced || namespace === undefined) return;
  const found = view.get(namespaceKind, { name: namespace });
  if (found === undefined) throw notFound(namespaceKind, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const subject = `${resourceNameOf(kind)} ${JSON.stringify(name)}`;
  throw new StatusError(
    "Forbidden",
    `${subject} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
  );
}

/** Rules between objects: address space must fit together. */
function neighbourErrors(
  kind: ResourceKind,
  object: KubeObject,
  view: AdmissionView,
): readonly FieldError[] {
  switch (kind) {
    case subnetKind:
      return subnetErrors(object as Subnet, all<Subnet>(view, subnetKind));
    case ipPoolKind:
      return poolErrors(object as IPPool, view);
    case ipBlockKind:
      return blockErrors(object as IPBlock, view);
    default:
      return [];
  }
}

function subnetErrors(subnet: Subnet, others: readonly Subnet[]): readonly FieldError[] {
  return [
    ...findOverlaps(subnet, others),
    ...findSecondDefault(subnet, others),
    ...defaultVpcErrors(subnet),
  ];
}

/**
 * The default Subnet serves every pod that nothing else claims, and the infrastructure addresses of
 * the pods of other VPCs, which are native.
 */
function defaultVpcErrors({ spec }: Subnet): readonly FieldError[] {
  if (!spec.default || spec.vpc === nativeVpcName) return [];
  const want = `want a Subnet of Vpc "${nativeVpcName}": its addresses serve pods of every VPC`;
  return [invalid("spec.default", true, `the Subnet is of Vpc "${spec.vpc}", ${want}`)];
}

/** The names of a VPC's blocks end in its own, and are names of objects themselves. */
function vpcNameErrors({ metadata: { name } }: KubeObject): readonly FieldError[] {
  if (name.length <= vpcNameBytesMax) return [];
  const why = `must be no more than ${vpcNameBytesMax} bytes: names of IPBlocks end in it`;
  return [invalid("metadata.name", name, why)];
}

const longestPrefix = parsePrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
/** RFC 1123 subdomain names have 253 bytes. */
const vpcNameBytesMax = 253 - blockNameOf(longestPrefix, "").length;

function poolErrors(pool: IPPool, view: AdmissionView): readonly FieldError[] {
  return [
    ...checkPoolInSubnet(pool, one<Subnet>(view, subnetKind, pool.spec.subnet)),
    ...findPoolOverlaps(pool, all<IPPool>(view, ipPoolKind)),
  ];
}

function blockErrors(block: IPBlock, view: AdmissionView): readonly FieldError[] {
  const pool = one<IPPool>(view, ipPoolKind, block.spec.pool);
  const subnet = pool === undefined ? undefined : one<Subnet>(view, subnetKind, pool.spec.subnet);
  return [...checkBlockInPool(block, pool), ...checkBlockInVpc(block, subnet)];
}

function all<T extends KubeObject>(view: AdmissionView, kind: ResourceKind<T>): readonly T[] {
  return view.list(kind) as readonly T[];
}

function one<T extends KubeObject>(
  view: AdmissionView,
  kind: ResourceKind<T>,
  name: string,
): T | undefined {
  return view.get(kind, { name }) as T | undefined;
}
