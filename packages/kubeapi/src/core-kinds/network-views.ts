/** Columns of the built-in kinds about services and data. */
import type {
  ConfigMap,
  EndpointSlice,
  Ingress,
  NetworkPolicy,
  Secret,
  Service,
} from "@heddle/api";
import { ageColumn, column, nameColumn, type TableView } from "../table/columns.ts";
import { ageOf, formatLabels, formatSelector, joined, none, sizeOf } from "./cells.ts";

/** Backends and ports beyond this many are counted, not listed. */
const listedMax = 3;

export const serviceView: TableView<Service> = {
  columns: [
    nameColumn,
    column("Type", "How the service is reached."),
    column("Cluster-IP", "Virtual address of the service."),
    column("External-IP", "Addresses outside."),
    column("Port(s)", "Ports of the service."),
    ageColumn,
    column("Selector", "Labels of the pods behind it.", { wide: true }),
  ],
  cells: (service, nowMs) => [
    service.metadata.name,
    service.spec.type,
    none(service.spec.clusterIPs?.[0] ?? service.spec.clusterIP),
    externalIps(service),
    servicePorts(service),
    ageOf(service, nowMs),
    formatLabels(service.spec.selector),
  ],
};

function externalIps({ spec, status }: Service): string {
  if (spec.type === "ExternalName") return none(spec.externalName);
  const entries = status?.loadBalancer?.ingress;
  const balancers = entries === undefined ? [] : entries.map(({ ip, hostname }) => ip ?? hostname);
  const own = spec.externalIPs === undefined ? [] : spec.externalIPs;
  const all = [...balancers, ...own].filter((text) => text !== undefined);
  return all.length === 0 && spec.type === "LoadBalancer" ? "<pending>" : joined(all);
}

function servicePorts({ spec: { ports } }: Service): string {
  return joined(
    ports?.map(({ port, nodePort, protocol }) =>
      nodePort === undefined || nodePort === 0
        ? `${port}/${protocol}`
        : `${port}:${nodePort}/${protocol}`,
    ),
  );
}

export const configMapView: TableView<ConfigMap> = {
  columns: [nameColumn, column("Data", "Number of keys.", { type: "integer" }), ageColumn],
  cells: (map, nowMs) => [
    map.metadata.name,
    sizeOf(map.data) + sizeOf(map.binaryData),
    ageOf(map, nowMs),
  ],
};

export const secretView: TableView<Secret> = {
  columns: [
    nameColumn,
    column("Type", "What the secret is for."),
    column("Data", "Number of keys.", { type: "integer" }),
    ageColumn,
  ],
  cells: (secret, nowMs) => [
    secret.metadata.name,
    secret.type,
    sizeOf(secret.data),
    ageOf(secret, nowMs),
  ],
};

export const endpointSliceView: TableView<EndpointSlice> = {
  columns: [
    nameColumn,
    column("AddressType", "Kind of the addresses."),
    column("Ports", "Ports of the backends."),
    column("Endpoints", "Addresses of the backends."),
    ageColumn,
  ],
  cells: (slice, nowMs) => [
    slice.metadata.name,
    slice.addressType,
    listed(
      slice.ports?.map(({ port }) => (port === undefined ? "*" : String(port))),
      "<unset>",
    ),
    listed(
      slice.endpoints.flatMap(({ addresses }) => addresses),
      "<unset>",
    ),
    ageOf(slice, nowMs),
  ],
};

function listed(texts: readonly string[] | undefined, empty: string): string {
  if (texts === undefined || texts.length === 0) return empty;
  const shown = texts.slice(0, listedMax).join(",");
  const more = texts.length - listedMax;
  return more > 0 ? `${shown} + ${more} more...` : shown;
}

export const networkPolicyView: TableView<NetworkPolicy> = {
  columns: [nameColumn, column("Pod-Selector", "Pods that the policy is for."), ageColumn],
  cells: (policy, nowMs) => [
    policy.metadata.name,
    formatSelector(policy.spec.podSelector),
    ageOf(policy, nowMs),
  ],
};

export const ingressView: TableView<Ingress> = {
  columns: [
    nameColumn,
    column("Class", "Implementation that serves it."),
    column("Hosts", "Host names."),
    column("Address", "Entry points."),
    column("Ports", "Ports of the entry points."),
    ageColumn,
  ],
  cells: ({ metadata, spec, status, ...rest }, nowMs) => {
    const hosts = spec.rules?.map(({ host }) => host ?? "*");
    const entries = status?.loadBalancer?.ingress;
    return [
      metadata.name,
      none(spec.ingressClassName),
      hosts === undefined || hosts.length === 0 ? "*" : listed(hosts, "*"),
      entries === undefined ? "" : entries.map(({ ip, hostname }) => ip ?? hostname).join(","),
      spec.tls === undefined || spec.tls.length === 0 ? "80" : "80, 443",
      ageOf({ ...rest, metadata }, nowMs),
    ];
  },
};
