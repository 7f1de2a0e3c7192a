/** How values are written in the cells of the built-in kinds. */
import type { KubeObject, LabelSelector, LabelSelectorRequirement } from "@heddle/api";
import { formatAge } from "../table/age.ts";

/** The text, or `<none>`. */
export function none(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

/** The text, or an empty cell. */
export function blank(text: string | undefined): string {
  return text === undefined ? "" : text;
}

/** Texts joined by commas, or `<none>`. */
export function joined(texts: readonly string[] | undefined): string {
  return none(texts?.join(","));
}

export function ageOf(object: KubeObject, nowMs: number): string {
  return formatAge(object.metadata.creationTimestamp, nowMs);
}

export function sizeOf(record: Readonly<Record<string, unknown>> | undefined): number {
  return record === undefined ? 0 : Object.keys(record).length;
}

/** `a=1,b in (2,3),!c`, or `<none>` for one that selects everything. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return "<none>";
  return joined(Object.entries(labels).map(([key, value]) => `${key}=${value}`));
}

export function formatSelector({ matchLabels, matchExpressions }: LabelSelector): string {
  const labels = matchLabels === undefined ? [] : Object.entries(matchLabels);
  const expressions = matchExpressions === undefined ? [] : matchExpressions;
  return joined([
    ...labels.map(([key, value]) => `${key}=${value}`),
    ...expressions.map(formatRequirement),
  ]);
}

function formatRequirement({ key, operator, values }: LabelSelectorRequirement): string {
  const list = values === undefined ? "" : values.join(",");
  switch (operator) {
    case "In":
      return `${key} in (${list})`;
    case "NotIn":
      return `${key} notin (${list})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
  }
}
