/**
 * A Store over a Kubernetes-style API server. A watch goes on from the last revision it has seen
 * when the server ends it (servers do that every few minutes); a broken connection is the caller's
 * to handle, and so is a server that ends watches as soon as it has accepted them.
 */
import { apiVersionOf, type KubeObject, type ResourceKind } from "@heddle/api";
import { HttpConnection, type HttpLimits } from "./http-connection.ts";
import { type ClusterAccess, readKubeconfig } from "./kubeconfig.ts";
import { parseRefusal } from "./refusal.ts";
import { StatusError } from "./status-error.ts";
import type {
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectRef,
  Store,
  WatchEvent,
  WatchOptions,
} from "./store.ts";
import { linesOf } from "./watch-lines.ts";

/** How long one watch request may last; the server ends it then. */
const watchSeconds = 300;

/** A watch that ends sooner and has brought nothing counts as a failure, not as its normal end. */
const watchMsMin = 1000;

interface ListDocument<T> {
  /** Go writes null for an empty list that it never made. */
  readonly items: readonly T[] | null;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

interface EventDocument<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

export class HttpStore implements Store, Disposable {
  readonly #connection: HttpConnection;

  constructor(access: ClusterAccess, limits?: HttpLimits) {
    this.#connection = new HttpConnection(access, limits);
  }

  /** @throws KubeconfigError */
  static async fromKubeconfig(file: string, limits?: HttpLimits): Promise<HttpStore> {
    return new HttpStore(await readKubeconfig(file), limits);
  }

  get server(): string {
    return this.#connection.server;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  async get<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef): Promise<T> {
    return objectOf(await this.#connection.send({ method: "GET", path: pathOf(kind, ref) }));
  }

  async list<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: ListOptions = {},
  ): Promise<ListResult<T>> {
    const query = queryOf({
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      limit: options.limit === undefined ? undefined : String(options.limit),
      continue: options.continueToken,
    });
    const path = collectionOf(kind, options.namespace);
    const answer = listDocumentOf<T>(await this.#connection.send({ method: "GET", path, query }));
    const { resourceVersion, continue: token, remainingItemCount } = answer.metadata;
    const items = answer.items === null ? [] : answer.items;
    return {
      items: items.map((item) => withType(kind, item)),
      resourceVersion,
      ...(token === undefined || token === "" ? {} : { continueToken: token }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    };
  }

  async *watch<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    let { resourceVersion } = options;
    while (!options.signal.aborted) {
      const startMs = performance.now();
      const before = resourceVersion;
      for await (const event of this.#watchOnce(kind, { ...options, resourceVersion })) {
        resourceVersion = revisionOf(event);
        yield event;
      }
      const isTooShort = performance.now() - startMs < watchMsMin && resourceVersion === before;
      if (isTooShort && !options.signal.aborted) {
        const message = `Watch of ${kind.plural} broke: the server ended it at once`;
        throw new StatusError("ServiceUnavailable", message);
      }
    }
  }

  async create<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T> {
    const path = collectionOf(kind, object.metadata.namespace);
    return objectOf(await this.#connection.send({ method: "POST", path, body: object }));
  }

  async update<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T> {
    const path = pathOf(kind, object.metadata);
    return objectOf(await this.#connection.send({ method: "PUT", path, body: object }));
  }

  async updateStatus<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T> {
    const path = `${pathOf(kind, object.metadata)}/status`;
    return objectOf(await this.#connection.send({ method: "PUT", path, body: object }));
  }

  async delete<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    options: DeleteOptions = {},
  ): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: options };
    await this.#connection.send({ method: "DELETE", path: pathOf(kind, ref), body });
  }

  async *#watchOnce<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, signal } = options;
    const query = queryOf({
      ...{ watch: "true", allowWatchBookmarks: "true", timeoutSeconds: String(watchSeconds) },
      ...{ labelSelector, fieldSelector, resourceVersion },
    });
    try {
      const stream = await this.#connection.open(collectionOf(kind, namespace), query, signal);
      for await (const line of linesOf(stream)) yield eventOf(kind, line);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof StatusError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new StatusError("ServiceUnavailable", `Watch of ${kind.plural} broke: ${why}`, {
        cause: error,
      });
    }
  }
}

function revisionOf<T extends KubeObject>(event: WatchEvent<T>): string {
  if (event.type === "BOOKMARK") return event.resourceVersion;
  const { resourceVersion } = event.object.metadata;
  if (resourceVersion !== undefined) return resourceVersion;
  throw withoutRevision();
}

function withoutRevision(): StatusError {
  return new StatusError("InternalError", "Cannot follow a watch: an event has no resourceVersion");
}

/** @throws StatusError when the answer is no list */
function listDocumentOf<T>(answer: unknown): ListDocument<T> {
  if (hasMetadata(answer) && "items" in answer) {
    if (answer.items === null || Array.isArray(answer.items)) return answer as ListDocument<T>;
  }
  throw unexpected(answer, "a list");
}

/** @throws StatusError when the answer is no object */
function objectOf<T extends KubeObject>(answer: unknown): T {
  if (hasMetadata(answer)) return answer as T;
  throw unexpected(answer, "an object");
}

function hasMetadata(answer: unknown): answer is { readonly metadata: object } {
  if (typeof answer !== "object" || answer === null || !("metadata" in answer)) return false;
  return typeof answer.metadata === "object" && answer.metadata !== null;
}

function unexpected(answer: unknown, want: string): StatusError {
  const shown = JSON.stringify(answer).slice(0, 80);
  return new StatusError("InternalError", `Cannot use the answer ${shown}: want ${want}`);
}

function eventOf<T extends KubeObject>(kind: ResourceKind<T>, line: string): WatchEvent<T> {
  let event: EventDocument<T>;
  try {
    event = JSON.parse(line) as EventDocument<T>;
  } catch (cause) {
    const shown = JSON.stringify(line.slice(0, 80));
    throw new StatusError("InternalError", `Cannot read watch event ${shown}: want JSON`, {
      cause,
    });
  }
  if (event.type === "ERROR") {
    const { code } = event.object as { readonly code?: number };
    throw parseRefusal(code ?? 500, JSON.stringify(event.object));
  }
  if (event.type === "BOOKMARK") {
    const { resourceVersion } = event.object.metadata;
    if (resourceVersion === undefined) throw withoutRevision();
    return { type: "BOOKMARK", resourceVersion };
  }
  return { type: event.type, object: withType(kind, event.object) };
}

/** Items of lists come without the type that the list has. */
function withType<T extends KubeObject>(kind: ResourceKind<T>, object: T): T {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
}

function collectionOf(kind: ResourceKind, namespace: string | undefined): string {
  const root = kind.group === "" ? "/api" : "/apis";
  const scope =
    kind.namespaced && namespace !== undefined
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : "";
  return `${root}/${apiVersionOf(kind)}${scope}/${kind.plural}`;
}

/**
 * Empty names and dots would make the path that of something else (of the whole collection, of its
 * parent); client-go refuses the same ones. @throws StatusError
 */
function pathOf(kind: ResourceKind, ref: ObjectRef): string {
  if (["", ".", ".."].includes(ref.name) || /[/%]/.test(ref.name)) {
    const shown = JSON.stringify(ref.name);
    throw new StatusError("BadRequest", `Cannot address ${kind.plural} ${shown}: want a name`);
  }
  return `${collectionOf(kind, ref.namespace)}/${encodeURIComponent(ref.name)}`;
}

function queryOf(parameters: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, value);
  }
  return query;
}
