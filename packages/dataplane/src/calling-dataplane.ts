import { assert } from "@heddle/std";
import type { Answer, Call } from "./calls.ts";
import type {
  AttachedPod,
  Dataplane,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "./dataplane.ts";
import { fromErrorData } from "./dataplane-error.ts";

/** The successful answer to a call of method `M`. */
type AnswerTo<M extends Call["method"]> = Extract<Answer, { method: M }>;

/**
 * A {@link Dataplane} whose calls are data that somebody else executes, in the order in which they
 * are made.
 */
export abstract class CallingDataplane implements Dataplane {
  /** Resolves with the answer; rejects only when there will be none. */
  protected abstract send(call: Call): Promise<Answer>;
  abstract [Symbol.asyncDispose](): Promise<void>;

  async setNode(node: NodeInterfaces): Promise<void> {
    await this.#call("setNode", { method: "setNode", node });
  }

  async attachPod(pod: PodInterface): Promise<AttachedPod> {
    return (await this.#call("attachPod", { method: "attachPod", pod })).pod;
  }

  async detachPod(pod: Pick<PodInterface, "hostIfname" | "vrf" | "addresses">): Promise<void> {
    const { hostIfname } = pod;
    await this.#call("detachPod", { method: "detachPod", hostIfname });
  }

  async checkPod(pod: PodInterface): Promise<readonly string[]> {
    return (await this.#call("checkPod", { method: "checkPod", pod })).differences;
  }

  async observePods(): Promise<readonly ObservedPod[]> {
    return (await this.#call("observePods", { method: "observePods" })).pods;
  }

  async drops(): Promise<readonly DropCount[]> {
    return (await this.#call("drops", { method: "drops" })).drops;
  }

  async #call<M extends Call["method"]>(method: M, call: Call): Promise<AnswerTo<M>> {
    const answer = await this.send(call);
    if (answer.method === "failed") throw fromErrorData(answer.error);
    assert(isAnswerTo(answer, method), "an answer belongs to its call");
    return answer;
  }
}

function isAnswerTo<M extends Call["method"]>(answer: Answer, method: M): answer is AnswerTo<M> {
  return answer.method === method;
}
