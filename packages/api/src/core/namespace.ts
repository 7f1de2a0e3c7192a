/** Namespace (core/v1). */

import { invalid } from "../field-error.ts";
import type { Namespace } from "../gen/core/namespace.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { labelProblem } from "../metadata.ts";
import { list, mergedList, object, oneOf, text } from "../schema/build.ts";
import { builtInKind, statusCondition } from "./built-in-kind.ts";

const condition = statusCondition("A condition of the namespace.");

/** Named parts of the schema, for the generated types. */
export const namespaceTypes: Readonly<Record<string, JsonSchema>> = {
  NamespaceCondition: condition,
};

export const namespaceKind: ResourceKind<Namespace> = builtInKind<Namespace>({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  namespaced: false,
  description: "A Namespace is a scope for names of objects.",
  fields: {
    spec: object(
      "Behaviour of the namespace.",
      { finalizers: list("Who has to act before the namespace may go.", text("A finalizer."), 64) },
      [],
      { default: {} },
    ),
    status: object("What was observed last.", {
      phase: oneOf("Active, or Terminating while it is being deleted.", ["Active", "Terminating"]),
      conditions: mergedList("Conditions of the namespace.", "type", condition, 64),
    }),
  },
  validate: ({ metadata: { name } }) => {
    const problem = labelProblem(name);
    return problem === undefined ? [] : [invalid("metadata.name", name, problem)];
  },
});
