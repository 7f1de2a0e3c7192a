/** Schemas that several kinds contain. Their TypeScript types stand in `meta.ts`. */
import type { JsonSchema } from "../kind.ts";
import { integer, list, listByKey, mapOf, object, oneOf, text } from "./build.ts";

/** How a count is written that people read: JSON numbers end at 2^53-1. */
export const countText =
  "As people read it: the number, or the nearest power of two, such as ~2^80, beyond 2^53-1.";

const condition: JsonSchema = object(
  "One aspect of the current state of the object.",
  {
    type: text("What the condition is about, in CamelCase.", { maxLength: 316 }),
    status: oneOf("Whether the condition holds.", ["True", "False", "Unknown"]),
    observedGeneration: integer(
      "The metadata.generation that the condition was computed from; when it is lower than the current one, the condition is out of date.",
      [0, Number.MAX_SAFE_INTEGER],
    ),
    lastTransitionTime: text("When status last changed from one value to another.", {
      format: "date-time",
    }),
    reason: text("Why, as one CamelCase word for programs.", { minLength: 1, maxLength: 1024 }),
    message: text("Why, as a sentence for people.", { maxLength: 32768 }),
  },
  ["type", "status", "lastTransitionTime", "reason", "message"],
);

/** `status.conditions` of every Heddle kind. */
export const conditions: JsonSchema = listByKey(
  "Aspects of the current state; every controller that acts on the object reports its own.",
  "type",
  condition,
  16,
  { default: [] },
);

const requirement: JsonSchema = object(
  "A condition on one label.",
  {
    key: text("Key of the label.", { minLength: 1, maxLength: 316 }),
    operator: oneOf("How values relate to the label.", ["In", "NotIn", "Exists", "DoesNotExist"]),
    values: list(
      "Values for In and NotIn; empty for Exists and DoesNotExist.",
      text("A label value.", { maxLength: 63 }),
      64,
    ),
  },
  ["key", "operator"],
);

/** metav1.LabelSelector. All parts must hold; an empty selector selects everything. */
export function labelSelector(description: string): JsonSchema {
  return object(
    description,
    {
      matchLabels: mapOf(
        "Labels with exactly these values.",
        text("A label value.", { maxLength: 63 }),
      ),
      matchExpressions: list("Conditions on labels; all must hold.", requirement, 32),
    },
    [],
    { "x-kubernetes-map-type": "atomic" },
  );
}

/** The TypeScript types of `meta.ts` for parts that are the same object in every kind. */
export const sharedTypes: Readonly<Record<string, JsonSchema>> = {
  Condition: condition,
  LabelSelectorRequirement: requirement,
};
