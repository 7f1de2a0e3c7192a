/** Watches on the wire: one JSON object `{type, object}` a line. */
import { apiVersionOf, type KubeObject } from "@heddle/api";
import {
  isStatus,
  type ListResult,
  parseRevision,
  StatusError,
  type VersionedStore,
  type WatchEvent,
  type WatchOptions,
} from "@heddle/kube";
import type { ServedKind } from "../core-kinds/served-kinds.ts";
import { objectText, type RenderOptions } from "./render.ts";
import { failureStatus, refusalOf } from "./status-body.ts";

export interface WatchStreamOptions {
  readonly served: ServedKind;
  readonly selection: Pick<WatchOptions, "namespace" | "labelSelector" | "fieldSelector">;
  /** Absent or "0": begins with the objects that exist. */
  readonly resourceVersion: string | undefined;
  /** Begins with the objects that exist and says with a bookmark where they end. */
  readonly sendInitialEvents: boolean;
  readonly bookmarks: boolean;
  readonly render: RenderOptions;
  readonly signal: AbortSignal;
}

/**
 * Checks the request and returns the lines. Refusals that depend on the revision come as a line of
 * type ERROR, as clients of Kubernetes expect.
 * @throws StatusError BadRequest
 */
export function watchStream(
  store: VersionedStore,
  options: WatchStreamOptions,
): AsyncIterable<string> {
  const { served, selection, resourceVersion } = options;
  try {
    store.assertWatchable(served.kind, {
      ...selection,
      resourceVersion:
        resourceVersion === undefined
          ? String(store.revision)
          : resourceVersion === "0"
            ? String(store.revision)
            : resourceVersion,
    });
  } catch (error) {
    if (!isStatus(error, "Expired")) throw error;
  }
  return lines(store, options);
}

async function* lines(store: VersionedStore, options: WatchStreamOptions): AsyncGenerator<string> {
  const { served, render, bookmarks } = options;
  let headers = true;
  try {
    for await (const event of events(store, options)) {
      if (event.type === "BOOKMARK") {
        if (bookmarks) yield line("BOOKMARK", bookmarkText(served, event.resourceVersion, render));
        continue;
      }
      if (event.type === "INITIAL-END") {
        yield line("BOOKMARK", bookmarkText(served, event.resourceVersion, render, true));
        continue;
      }
      yield line(event.type, objectText(served, event.object, render, headers));
      headers = false;
    }
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    yield line("ERROR", `${JSON.stringify(failureStatus(refusal))}\n`);
  }
}

type StreamEvent =
  | WatchEvent<KubeObject>
  | { readonly type: "INITIAL-END"; readonly resourceVersion: string };

async function* events(
  store: VersionedStore,
  options: WatchStreamOptions,
): AsyncGenerator<StreamEvent> {
  const { served, selection, signal, sendInitialEvents } = options;
  let { resourceVersion } = options;
  if (resourceVersion === undefined || resourceVersion === "0" || sendInitialEvents) {
    const list: ListResult<KubeObject> = await store.list(served.kind, selection);
    checkNotAhead(resourceVersion, list.resourceVersion);
    for (const object of list.items) yield { type: "ADDED", object };
    resourceVersion = list.resourceVersion;
    if (sendInitialEvents) yield { type: "INITIAL-END", resourceVersion };
  }
  yield* store.watch(served.kind, { ...selection, resourceVersion, signal });
}

/** @throws StatusError Timeout for a revision that does not exist yet. */
function checkNotAhead(wanted: string | undefined, current: string): void {
  if (wanted === undefined || parseRevision(wanted) <= parseRevision(current)) return;
  throw new StatusError("Timeout", `Too large resource version: ${wanted}, current: ${current}`);
}

/** `text` ends with a line feed. */
function line(type: string, text: string): string {
  return `{"type":"${type}","object":${text.slice(0, -1)}}\n`;
}

/** A bookmark is an object of the watched kind with nothing but a revision. */
function bookmarkText(
  { kind }: ServedKind,
  resourceVersion: string,
  { format }: RenderOptions,
  endsInitial = false,
): string {
  const annotations = endsInitial ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
  if (format.kind === "table") {
    const apiVersion = `meta.k8s.io/${format.version}`;
    const table = { kind: "Table", apiVersion, metadata, columnDefinitions: [], rows: [] };
    return `${JSON.stringify(table)}\n`;
  }
  if (format.kind === "metadata") {
    const apiVersion = "meta.k8s.io/v1";
    return `${JSON.stringify({ kind: "PartialObjectMetadata", apiVersion, metadata })}\n`;
  }
  return `${JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata })}\n`;
}
