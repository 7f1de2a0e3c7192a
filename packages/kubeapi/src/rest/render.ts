/** Objects and lists in the form that the client asked for. */
import { apiVersionOf, type KubeObject } from "@heddle/api";
import { jsonTextOf, type ListResult } from "@heddle/kube";
import type { ServedKind } from "../core-kinds/served-kinds.ts";
import { type IncludeObject, renderTable } from "../table/table.ts";
import type { ResponseFormat } from "./media-type.ts";

export interface RenderOptions {
  readonly format: ResponseFormat;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** For people: lines and indentation. */
  readonly pretty: boolean;
}

/** JSON text of one object. `headers` is false for the later rows of a watch as a table. */
export function objectText(
  served: ServedKind,
  object: KubeObject,
  options: RenderOptions,
  headers = true,
): string {
  const { format, includeObject, nowMs } = options;
  switch (format.kind) {
    case "object":
      return indented(jsonTextOf(object), options);
    case "metadata":
      return indented(JSON.stringify(partial(object)), options);
    case "table": {
      const { version } = format;
      const { resourceVersion } = object.metadata;
      const metadata = resourceVersion === undefined ? {} : { resourceVersion };
      const table = { version, includeObject, headers, nowMs, metadata };
      return indented(JSON.stringify(renderTable(served.view, [object], table)), options);
    }
  }
}

export function listText(
  served: ServedKind,
  list: ListResult<KubeObject>,
  options: RenderOptions,
): string {
  const { format, includeObject, nowMs } = options;
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continueToken === undefined ? {} : { continue: list.continueToken }),
    ...(list.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: list.remainingItemCount }),
  };
  if (format.kind === "table") {
    const table = { version: format.version, includeObject, headers: true, nowMs, metadata };
    return indented(JSON.stringify(renderTable(served.view, list.items, table)), options);
  }
  const isPartial = format.kind === "metadata";
  const head = isPartial
    ? { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata }
    : { kind: served.kind.listKind, apiVersion: apiVersionOf(served.kind), metadata };
  const texts = list.items.map((item) =>
    isPartial ? JSON.stringify(partial(item)) : jsonTextOf(item),
  );
  return indented(`${JSON.stringify(head).slice(0, -1)},"items":[${texts.join(",")}]}`, options);
}

function partial({ metadata }: KubeObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

function indented(text: string, { pretty }: RenderOptions): string {
  return pretty ? `${JSON.stringify(JSON.parse(text), undefined, 2)}\n` : `${text}\n`;
}
