/**
 * Label selectors as objects (metav1.LabelSelector); the text form of the REST API is parsed in
 * `kube`.
 */
import type { LabelSelector, LabelSelectorRequirement } from "./meta.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether all parts of the selector hold for the labels. An empty selector matches everything. */
export function matchesLabels(selector: LabelSelector, labels: Labels | undefined): boolean {
  const present: Labels = labels === undefined ? {} : labels;
  const wanted = selector.matchLabels === undefined ? [] : Object.entries(selector.matchLabels);
  const expressions = selector.matchExpressions === undefined ? [] : selector.matchExpressions;
  return (
    wanted.every(([key, value]) => present[key] === value) &&
    expressions.every((requirement) => holds(requirement, present))
  );
}

function holds({ key, operator, values }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels[key];
  const isListed = value !== undefined && values?.includes(value) === true;
  switch (operator) {
    case "In":
      return isListed;
    case "NotIn":
      return !isListed;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
