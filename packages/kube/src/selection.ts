/** Which objects of a kind a list or a watch wants. */
import type { ResourceKind } from "@heddle/api";
import { ParseError } from "@heddle/inet";
import type { StoredObject } from "./event-log.ts";
import { matchesFields, parseFieldSelector } from "./field-selector.ts";
import { matchesLabelTerms, parseLabelSelector } from "./label-selector.ts";
import { StatusError } from "./status-error.ts";

export interface SelectionText {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface Selection {
  /** Keys from here… */
  readonly from: string;
  /** …to before here; no upper bound when undefined. */
  readonly to: string | undefined;
  /** True when a selector decides, and not the key alone. */
  readonly isSelective: boolean;
  matches(stored: StoredObject): boolean;
}

/** @throws StatusError BadRequest when a selector does not parse. */
export function selectionOf(kind: ResourceKind, text: SelectionText): Selection {
  const { labels, fields } = parseSelectors(kind, text);
  const { from, to } = keyRange(text.namespace);
  return {
    from,
    to,
    isSelective: labels.length > 0 || fields.length > 0,
    matches: ({ key, object }) =>
      key >= from &&
      (to === undefined || key < to) &&
      matchesLabelTerms(labels, object.metadata.labels) &&
      matchesFields(fields, object),
  };
}

function parseSelectors(kind: ResourceKind, text: SelectionText) {
  try {
    return {
      labels: text.labelSelector === undefined ? [] : parseLabelSelector(text.labelSelector),
      fields:
        text.fieldSelector === undefined ? [] : parseFieldSelector(text.fieldSelector, kind.schema),
    };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new StatusError("BadRequest", error.message, { cause: error });
  }
}

/** Keys are `namespace/name`; `0` is the character after `/`. */
function keyRange(namespace: string | undefined): { from: string; to: string | undefined } {
  if (namespace === undefined || namespace === "") return { from: "", to: undefined };
  return { from: `${namespace}/`, to: `${namespace}0` };
}
