import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedAggregation, aggregatedDiscovery, aggregatedMediaType } from "./aggregated.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./resources.ts";

const names = (list: object | undefined): readonly string[] =>
  JSON.parse(JSON.stringify(list)).resources.map((each: { name: string }) => each.name);

test("discovery lists every group and version once", () => {
  const groups = JSON.parse(JSON.stringify(apiGroupList())).groups;
  assert.deepEqual(
    groups.map(
      (group: { preferredVersion: { groupVersion: string } }) =>
        group.preferredVersion.groupVersion,
    ),
    [
      "discovery.k8s.io/v1",
      "coordination.k8s.io/v1",
      "apps/v1",
      "networking.k8s.io/v1",
      "heddle.io/v1alpha1",
    ],
  );
  assert.deepEqual(apiGroup("apps"), {
    kind: "APIGroup",
    apiVersion: "v1",
    name: "apps",
    versions: [{ groupVersion: "apps/v1", version: "v1" }],
    preferredVersion: { groupVersion: "apps/v1", version: "v1" },
  });
  assert.equal(apiGroup("batch"), undefined);
  assert.equal(apiGroup(""), undefined);
  assert.deepEqual(apiVersions("192.0.2.1:6443"), {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "192.0.2.1:6443" }],
  });
});

test("apiResourceList() has resources with their subresources", () => {
  assert.deepEqual(names(apiResourceList({ group: "", version: "v1" })), [
    "configmaps",
    "events",
    "namespaces",
    "namespaces/status",
    "nodes",
    "nodes/status",
    "pods",
    "pods/status",
    "secrets",
    "services",
    "services/status",
  ]);
  assert.deepEqual(names(apiResourceList({ group: "apps", version: "v1" })), [
    "deployments",
    "deployments/scale",
    "deployments/status",
  ]);
  const heddle = names(apiResourceList({ group: "heddle.io", version: "v1alpha1" }));
  assert.equal(heddle.filter((name) => !name.includes("/")).length, 11);
  assert.equal(apiResourceList({ group: "apps", version: "v2" }), undefined);
});

test("no two resources share a name that kubectl resolves", () => {
  const versions = ["", "apps", "discovery.k8s.io", "coordination.k8s.io", "networking.k8s.io"];
  const lists = [
    ...versions.map((group) => apiResourceList({ group, version: "v1" })),
    apiResourceList({ group: "heddle.io", version: "v1alpha1" }),
  ];
  const seen = new Set<string>();
  for (const list of lists) {
    for (const { name, singularName, shortNames } of JSON.parse(JSON.stringify(list)).resources) {
      if (name.includes("/")) continue;
      for (const word of new Set([name, singularName, ...(shortNames ?? [])])) {
        assert.ok(!seen.has(word), word);
        seen.add(word);
      }
    }
  }
});

test("acceptedAggregation() takes the first format that the client names", () => {
  const both =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
  assert.equal(acceptedAggregation(both), "v2");
  assert.equal(acceptedAggregation("application/json"), undefined);
  assert.equal(acceptedAggregation(`application/json, ${aggregatedMediaType("v2")}`), undefined);
  assert.equal(acceptedAggregation(aggregatedMediaType("v2beta1")), "v2beta1");
  assert.equal(acceptedAggregation("*/*"), undefined);
});

test("aggregatedDiscovery() says the same as the plain documents", () => {
  const { items } = JSON.parse(JSON.stringify(aggregatedDiscovery("/api", "v2")));
  assert.equal(items.length, 1);
  assert.deepEqual(items[0].metadata.name, "");
  const resources: { resource: string; subresources?: { subresource: string }[] }[] =
    items[0].versions[0].resources;
  const flat = resources.flatMap(({ resource, subresources }) => [
    resource,
    ...(subresources ?? []).map(({ subresource }) => `${resource}/${subresource}`),
  ]);
  assert.deepEqual(flat, names(apiResourceList({ group: "", version: "v1" })));
  const groups = JSON.parse(JSON.stringify(aggregatedDiscovery("/apis", "v2beta1")));
  assert.equal(groups.apiVersion, "apidiscovery.k8s.io/v2beta1");
  assert.equal(groups.items.length, 5);
});
