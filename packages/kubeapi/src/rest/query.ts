/** The query parameters of the API, checked. */
import { StatusError } from "@heddle/kube";

const listLimitMax = 1_000_000;

/** Parameters of one request. Unknown ones are ignored, as Kubernetes does. */
export class Query {
  readonly #params: URLSearchParams;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  /** Undefined when absent or empty. */
  text(name: string): string | undefined {
    const value = this.#params.get(name);
    return value === null || value === "" ? undefined : value;
  }

  /** `1` and `true` are true, also a name without value. @throws StatusError BadRequest */
  flag(name: string): boolean {
    const value = this.#params.get(name);
    if (value === null || value === "0" || /^f(alse)?$/i.test(value)) return false;
    if (value === "" || value === "1" || /^t(rue)?$/i.test(value)) return true;
    throw badParameter(name, value, "true or false");
  }

  /** A whole number from 0. @throws StatusError BadRequest */
  count(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const count = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (count <= listLimitMax) return count;
    throw badParameter(name, value, `a number from 0 to ${listLimitMax}`);
  }

  /** One of `words`. @throws StatusError BadRequest */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw badParameter(name, value, words.join(" or "));
  }

  /** True for `dryRun=All`. @throws StatusError BadRequest */
  isDryRun(): boolean {
    return this.word("dryRun", ["All"]) === "All";
  }
}

function badParameter(name: string, value: string, want: string): StatusError {
  const found = JSON.stringify(value.slice(0, 100));
  return new StatusError(
    "BadRequest",
    `Cannot read query parameter ${name}: ${found}, want ${want}`,
  );
}
