/**
 * metav1.Table: what `kubectl get` asks for instead of objects, so that the server decides on the
 * columns.
 */
import type { KubeObject } from "@heddle/api";
import type { Cell, TableColumn, TableView } from "./columns.ts";

/** What each row carries of its object. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableRow {
  readonly cells: readonly Cell[];
  readonly object?: object;
}

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1" | "meta.k8s.io/v1beta1";
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

export interface TableOptions {
  readonly version: "v1" | "v1beta1";
  readonly includeObject: IncludeObject;
  /** False in the later events of a watch: the client knows the columns by then. */
  readonly headers: boolean;
  readonly nowMs: number;
  readonly metadata: Table["metadata"];
}

export function renderTable(
  view: TableView,
  objects: readonly KubeObject[],
  options: TableOptions,
): Table {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.headers ? view.columns : [],
    rows: objects.map((object) => renderRow(view, object, options)),
  };
}

function renderRow(view: TableView, object: KubeObject, options: TableOptions): TableRow {
  const cells = view.cells(object, options.nowMs);
  switch (options.includeObject) {
    case "None":
      return { cells };
    case "Object":
      return { cells, object };
    case "Metadata": {
      const apiVersion = `meta.k8s.io/${options.version}`;
      return {
        cells,
        object: { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata },
      };
    }
  }
}

/** Parses the query parameter `includeObject`; undefined when it is none of the three words. */
export function parseIncludeObject(text: string | null): IncludeObject | undefined {
  if (text === null || text === "") return "Metadata";
  return text === "None" || text === "Metadata" || text === "Object" ? text : undefined;
}
