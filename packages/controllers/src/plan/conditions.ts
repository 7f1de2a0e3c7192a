/** Conditions as planners say them. */
import { type Condition, type KubeObject, setCondition } from "@heddle/api";

/** What is the matter, in one CamelCase word for programs and a sentence for people. */
export interface Verdict {
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

export function yes(reason: string, message: string): Verdict {
  return { status: "True", reason, message };
}

export function no(reason: string, message: string): Verdict {
  return { status: "False", reason, message };
}

/** For what nobody has reported. */
export function unknown(reason: string, message: string): Verdict {
  return { status: "Unknown", reason, message };
}

interface WithConditions extends KubeObject {
  readonly status?: { readonly conditions: readonly Condition[] };
}

/**
 * The conditions of the object with these verdicts in place of earlier ones of their types; those
 * that others keep stay. `at` is the time of a change, RFC 3339 in whole seconds.
 */
export function conditionsOf(
  object: WithConditions,
  at: string,
  verdicts: Readonly<Record<string, Verdict>>,
): readonly Condition[] {
  const { generation } = object.metadata;
  let conditions = object.status === undefined ? [] : object.status.conditions;
  for (const [type, verdict] of Object.entries(verdicts)) {
    const observed = generation === undefined ? {} : { observedGeneration: generation };
    conditions = setCondition(conditions, { type, ...verdict, ...observed }, at);
  }
  return conditions;
}
