/** Ingress (networking.k8s.io/v1). */
import { required } from "../field-error.ts";
import type { Ingress } from "../gen/core/ingress.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { integer, list, object, oneOf, opaque, text } from "../schema/build.ts";
import { builtInKind } from "./built-in-kind.ts";

const backend = (description: string): JsonSchema =>
  object(description, {
    service: object(
      "A service.",
      {
        name: text("Name of the Service."),
        port: object("Port of the service.", {
          name: text("Name of the port."),
          number: integer("Number of the port.", [0, 65535]),
        }),
      },
      ["name"],
    ),
    resource: opaque("Another object."),
  });

const path = object(
  "A path and what serves it.",
  {
    path: text("The path."),
    pathType: oneOf("How paths are compared.", ["Exact", "Prefix", "ImplementationSpecific"]),
    backend: backend("What serves it."),
  },
  ["pathType", "backend"],
);

const rule = object("A host and its paths.", {
  host: text("The host name; all when empty.", { maxLength: 253 }),
  http: object("Its paths.", { paths: list("The paths.", path, 1024) }, ["paths"]),
});

const tls = object("Hosts that are served with TLS.", {
  hosts: list("Host names.", text("A host name."), 1024),
  secretName: text("Secret with the certificate."),
});

const entryPoint = object("An entry point.", {
  ip: text("Its address."),
  hostname: text("Its name."),
  ports: list("Status of its ports.", opaque("A port."), 256),
});

/** Named parts of the schema, for the generated types. */
export const ingressTypes: Readonly<Record<string, JsonSchema>> = {
  IngressBackend: backend(""),
  IngressPath: path,
  IngressRule: rule,
  IngressTls: tls,
};

export const ingressKind: ResourceKind<Ingress> = builtInKind<Ingress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  namespaced: true,
  description: "An Ingress brings HTTP requests from outside to services by host and path.",
  fields: {
    spec: object(
      "The rules.",
      {
        ingressClassName: text("Implementation that serves it."),
        defaultBackend: backend("What serves requests that no rule is for."),
        tls: list("Hosts that are served with TLS.", tls, 1024),
        rules: list("Hosts and their paths.", rule, 1024),
      },
      [],
      { default: {} },
    ),
    status: object("What was observed last.", {
      loadBalancer: object("The load balancer.", {
        ingress: list("Its entry points.", entryPoint, 64),
      }),
    }),
  },
  validate: ({ spec: { defaultBackend, rules } }) =>
    defaultBackend === undefined && (rules === undefined || rules.length === 0)
      ? [required("spec", "either `defaultBackend` or `rules` must be specified")]
      : [],
});
