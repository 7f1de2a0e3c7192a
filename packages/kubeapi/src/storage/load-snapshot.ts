/** Reads what the database holds into the form a store begins with. */
import type { DatabaseSync } from "node:sqlite";
import type { KubeObject } from "@heddle/api";
import { rememberText, type StoredObject, type StoreEvent, type StoreSnapshot } from "@heddle/kube";
import { StorageError } from "./database.ts";

export function loadSnapshot(database: DatabaseSync): StoreSnapshot {
  const progress = database.prepare("SELECT revision, compacted_revision FROM progress").get();
  return {
    revision: integer(progress?.["revision"]),
    compactedRevision: integer(progress?.["compacted_revision"]),
    objects: loadObjects(database),
    events: loadEvents(database),
  };
}

function loadObjects(database: DatabaseSync): ReadonlyMap<string, readonly StoredObject[]> {
  const objects = new Map<string, StoredObject[]>();
  const rows = database.prepare("SELECT resource, key, revision, text FROM objects").iterate();
  for (const row of rows) {
    const resource = text(row["resource"]);
    const stored = storedObject(text(row["key"]), integer(row["revision"]), text(row["text"]));
    const list = objects.get(resource);
    if (list === undefined) objects.set(resource, [stored]);
    else list.push(stored);
  }
  return objects;
}

function loadEvents(database: DatabaseSync): readonly StoreEvent[] {
  const events: StoreEvent[] = [];
  for (const row of database.prepare("SELECT * FROM events ORDER BY revision").iterate()) {
    const key = text(row["key"]);
    const before = row["before"];
    events.push({
      revision: integer(row["revision"]),
      resource: text(row["resource"]),
      type: eventType(row["type"]),
      after: storedObject(key, integer(row["revision"]), text(row["after"])),
      before:
        typeof before === "string"
          ? storedObject(key, integer(row["before_revision"]), before)
          : undefined,
      atMs: integer(row["at_ms"]),
    });
  }
  return events;
}

function storedObject(key: string, revision: number, json: string): StoredObject {
  const object = JSON.parse(json) as StoredObject["object"] & KubeObject;
  return { key, revision, object: rememberText(object, json), text: json };
}

function eventType(value: unknown): StoreEvent["type"] {
  if (value === "ADDED" || value === "MODIFIED" || value === "DELETED") return value;
  throw new StorageError(
    "format",
    `Cannot load event: its type is ${value}, want ADDED, MODIFIED or DELETED`,
  );
}

function integer(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new StorageError("format", `Cannot load the database: found ${value}, want an integer`);
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new StorageError("format", `Cannot load the database: found ${typeof value}, want text`);
}
