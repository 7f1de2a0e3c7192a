/** What the columns of a kind are and how the cells of an object are computed. */
import type { KubeObject, PrinterColumn, ResourceKind } from "@heddle/api";
import { formatAge } from "./age.ts";
import { findValues, parseJsonPath } from "./json-path.ts";

/** metav1.TableColumnDefinition. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  /** `name` marks the column that `-o name` uses. */
  readonly format: string;
  readonly description: string;
  /** 0 shows always; above 0 only with `-o wide`. */
  readonly priority: number;
}

export type Cell = string | number | boolean;

/** The columns of a kind; `cells` gives as many values as there are columns. */
export interface TableView<T extends KubeObject = KubeObject> {
  readonly columns: readonly TableColumn[];
  cells(object: T, nowMs: number): readonly Cell[];
}

export function column(
  name: string,
  description: string,
  options: { readonly type?: string; readonly wide?: boolean } = {},
): TableColumn {
  return {
    name,
    type: options.type === undefined ? "string" : options.type,
    format: name === "Name" ? "name" : "",
    description,
    priority: options.wide === true ? 1 : 0,
  };
}

export const nameColumn: TableColumn = column("Name", "Name of the object, unique in its scope.");
export const ageColumn: TableColumn = column("Age", "Time since the object was created.");

/** The view of a kind that describes its columns by JSON path. */
export function viewOfPrinterColumns(kind: ResourceKind): TableView {
  const columns = kind.printerColumns.map(columnOf);
  const paths = kind.printerColumns.map(({ jsonPath, type }) => ({
    path: parseJsonPath(jsonPath),
    type,
  }));
  return {
    columns: [nameColumn, ...columns],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...paths.map(({ path, type }) => cellOf(findValues(path, object), type, nowMs)),
    ],
  };
}

function columnOf({ name, type, description, priority }: PrinterColumn): TableColumn {
  return {
    name,
    // A date is sent as an age, which is text.
    type: type === "date" ? "string" : type,
    format: "",
    description: description === undefined ? "" : description,
    priority: priority === undefined ? 0 : priority,
  };
}

function cellOf(found: readonly unknown[], type: PrinterColumn["type"], nowMs: number): Cell {
  const value = found[0];
  if (value === undefined || value === null) return "";
  if (type === "date") return formatAge(String(value), nowMs);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
    return value;
  }
  if (Array.isArray(value)) return value.map(textOf).join(",");
  return JSON.stringify(value);
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
