/** NetworkPolicy (networking.k8s.io/v1). */
import { containsPrefix, parsePrefix } from "@heddle/inet";
import { invalid } from "../field-error.ts";
import type { IPBlockPeer, NetworkPolicy } from "../gen/core/network-policy.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, integer, intOrString, list, object, oneOf } from "../schema/build.ts";
import { labelSelector } from "../schema/shared.ts";
import { builtInKind } from "./built-in-kind.ts";

const ipBlock = object(
  "Addresses outside the cluster, or any.",
  {
    cidr: formatted("cidr", "The prefix."),
    except: list("Parts of cidr that do not count.", formatted("cidr", "A prefix."), 1024),
  },
  ["cidr"],
);

const peer = object("Whom the rule is about.", {
  podSelector: labelSelector("Pods with these labels."),
  namespaceSelector: labelSelector("Namespaces with these labels."),
  ipBlock,
});

const port = object("A port that the rule is about.", {
  protocol: oneOf("Protocol of the port.", ["TCP", "UDP", "SCTP"], { default: "TCP" }),
  port: intOrString("Number or name of the port; all when absent."),
  endPort: integer("Last port of a range.", [1, 65535]),
});

const ingressRule = object("What may come in.", {
  ports: list("Ports; all when empty.", port, 1024),
  from: list("Sources; all when empty.", peer, 1024),
});

const egressRule = object("What may go out.", {
  ports: list("Ports; all when empty.", port, 1024),
  to: list("Destinations; all when empty.", peer, 1024),
});

/** Named parts of the schema, for the generated types. */
export const networkPolicyTypes: Readonly<Record<string, JsonSchema>> = {
  IPBlockPeer: ipBlock,
  NetworkPolicyPeer: peer,
  NetworkPolicyPort: port,
  NetworkPolicyIngressRule: ingressRule,
  NetworkPolicyEgressRule: egressRule,
};

export const networkPolicyKind: ResourceKind<NetworkPolicy> = builtInKind<NetworkPolicy>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  namespaced: true,
  description: "A NetworkPolicy says which traffic the selected pods may have.",
  fields: {
    spec: object(
      "The rules.",
      {
        podSelector: labelSelector(
          "The pods that the policy is for; all of the namespace when empty.",
        ),
        ingress: list("What may come in.", ingressRule, 1024),
        egress: list("What may go out.", egressRule, 1024),
        policyTypes: list(
          "Directions that the policy is for.",
          oneOf("A direction.", ["Ingress", "Egress"]),
          2,
        ),
      },
      ["podSelector"],
    ),
  },
  required: ["spec"],
  validate: ({ spec: { ingress, egress } }) => [
    ...(ingress ?? noRules).flatMap((rule, i) =>
      (rule.from ?? noRules).flatMap((each, j) =>
        blockErrors(`spec.ingress[${i}].from[${j}].ipBlock`, each.ipBlock),
      ),
    ),
    ...(egress ?? noRules).flatMap((rule, i) =>
      (rule.to ?? noRules).flatMap((each, j) =>
        blockErrors(`spec.egress[${i}].to[${j}].ipBlock`, each.ipBlock),
      ),
    ),
  ],
});

/** An absent list of rules. */
const noRules: readonly never[] = [];

function blockErrors(path: string, block: IPBlockPeer | undefined): FieldError[] {
  if (block?.except === undefined) return [];
  const whole = parsePrefix(block.cidr);
  return block.except.flatMap((text, i) => {
    const part = parsePrefix(text);
    return containsPrefix(whole, part) && part !== whole
      ? []
      : [invalid(`${path}.except[${i}]`, text, `want a part of ${block.cidr}`)];
  });
}
