/** Objects for tests, with the defaults that an API server would fill in. */
import {
  type Deployment,
  defaulted,
  deploymentKind,
  type Node,
  nodeKind,
  type Pod,
  type PodSpec,
  type PodStatus,
  podKind,
} from "@heddle/api";

let count = 0;

export function pod(name: string, spec: Partial<PodSpec> = {}, status?: PodStatus): Pod {
  count += 1;
  const object = defaulted(podKind, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      creationTimestamp: `2026-01-01T00:00:${String(count % 60).padStart(2, "0")}Z`,
    },
    spec: { containers: [{ name: "main", image: "heddle-echo" }], ...spec },
  });
  return status === undefined ? object : { ...object, status };
}

export function node(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  ready: "True" | "False" = "True",
): Node {
  const object = defaulted(nodeKind, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: {},
  });
  return { ...object, status: { conditions: [{ type: "Ready", status: ready }] } };
}

export function deployment(name: string, replicas: number, image = "heddle-echo"): Deployment {
  return defaulted(deploymentKind, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default", uid: `uid-${name}`, generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image }] },
      },
    },
  });
}
