/** The demo of `make lab`: enough pods that every kind of flow has two ends. */
import { type Deployment, defaulted, deploymentKind } from "@heddle/api";
import type { ObjectOfKind } from "./objects.ts";

/** Port of the echo server, TCP and UDP, in pods and on servers. */
export const echoPort = 8080;

export const demoReplicas = 6;

export function demoDeployment(): ObjectOfKind<Deployment> {
  const object = defaulted(deploymentKind, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", labels: { app: "web" } },
    spec: {
      replicas: demoReplicas,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [
            {
              name: "echo",
              image: "heddle-echo",
              ports: [{ name: "http", containerPort: echoPort, protocol: "TCP" }],
            },
          ],
        },
      },
    },
  });
  return { kind: deploymentKind, object };
}
