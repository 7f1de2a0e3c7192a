/** Lease (coordination.k8s.io/v1): who leads, and which node is alive. */
import type { Lease } from "../gen/core/lease.gen.ts";
import type { ResourceKind } from "../kind.ts";
import { integer, object, text, time } from "../schema/build.ts";
import { builtInKind } from "./built-in-kind.ts";

export const leaseKind: ResourceKind<Lease> = builtInKind<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  shortNames: [],
  namespaced: true,
  description: "A Lease says who holds something, and until when.",
  fields: {
    spec: object(
      "The lease.",
      {
        holderIdentity: text("Who holds it."),
        leaseDurationSeconds: integer("How long it lasts after renewTime.", [1, 0x7fffffff]),
        acquireTime: time("When the holder got it."),
        renewTime: time("When the holder last renewed it."),
        leaseTransitions: integer("How often it changed hands.", [0, 0x7fffffff]),
        strategy: text("How the holder is chosen."),
        preferredHolder: text("Who should hold it."),
      },
      [],
      { default: {} },
    ),
  },
});
