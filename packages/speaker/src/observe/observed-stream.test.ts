import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeEndOfRib,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  headerLength,
} from "@heddle/bgp";
import { parseIp, parseIp4 } from "@heddle/inet";
import { VirtualClock } from "@heddle/std";
import { cease } from "../peer/failure.ts";
import type { ConnectionEvents, MessageStream } from "../tcp/connection.ts";
import { Observers } from "./observers.ts";

const open = encodeOpen({
  ...{ asn: 65001, holdTimeS: 9, routerId: parseIp4("10.0.0.1"), capabilities: [] },
});
const keepalive = encodeKeepalive();
const notification = encodeNotification(cease(2));

/** The connection below; `events` are what the session above it would hear. */
class Wire implements MessageStream {
  readonly peerName: string | undefined = "agent.test";
  readonly queuedLength: number = 7;
  readonly endpoints = {
    local: { address: parseIp("192.0.2.1"), port: 179 },
    remote: { address: parseIp("192.0.2.2"), port: 4000 },
  };
  events: ConnectionEvents | undefined;
  readonly sent: Uint8Array[] = [];
  closed = false;

  open(events: ConnectionEvents): void {
    this.events = events;
  }

  allowExtended(): void {}

  send(bytes: Uint8Array): boolean {
    this.sent.push(bytes);
    return true;
  }

  close(): void {
    this.closed = true;
  }

  receive(message: Uint8Array): void {
    this.events?.message(message[18] as number, message, headerLength, message.length);
  }
}

function setUp(observed: boolean) {
  const wire = new Wire();
  const observers = new Observers(new VirtualClock());
  const told: string[] = [];
  if (observed) {
    observers.add({
      message: (_session, direction, bytes) => told.push(`${direction} ${bytes[18]}`),
      established: ({ remote }) => told.push(`established with port ${remote.port}`),
      ended: (_session, { by, notification: last }) =>
        told.push(`ended by ${by}, ${last === undefined ? "silently" : `with ${last[18]}`}`),
    });
  }
  const stream = observers.wrap({ address: parseIp("192.0.2.2") }, wire);
  const taken: number[] = [];
  stream.open({
    message: (type) => {
      taken.push(type);
      return true;
    },
    malformed: () => assert.fail("nothing is malformed"),
    lost: () => taken.push(-1),
    drained: () => undefined,
  });
  return { wire, observers, stream, told, taken };
}

test("an onlooker sees messages in order, and the session hears the same", () => {
  const { wire, observers, stream, told, taken } = setUp(true);
  stream.send(open);
  wire.receive(open);
  wire.receive(keepalive);
  const [session] = [...observers.establishedSessions];
  assert.deepEqual([session?.sentOpen, session?.receivedOpen], [open, open]);
  wire.receive(keepalive);
  wire.receive(encodeEndOfRib("ipv4-unicast"));
  stream.send(notification);
  stream.close();
  stream.close();
  assert.deepEqual(told, [
    ...["sent 1", "received 1", "received 4", "established with port 4000"],
    ...["received 4", "received 2", "sent 3", "ended by sent, with 3"],
  ]);
  assert.deepEqual([taken, wire.sent.length, wire.closed], [[1, 4, 4, 2], 2, true]);
  assert.deepEqual([...observers.establishedSessions], []);
});

test("a connection that is lost ends without a NOTIFICATION, also one without OPENs", () => {
  const { wire, told, taken } = setUp(true);
  wire.receive(keepalive);
  wire.events?.lost("gone");
  assert.deepEqual(told, ["received 4", "ended by received, silently"]);
  assert.deepEqual(taken, [4, -1]);
});

test("who comes later finds the sessions that are established", () => {
  const { wire, observers, stream } = setUp(false);
  stream.send(open);
  wire.receive(open);
  wire.receive(keepalive);
  assert.equal([...observers.establishedSessions].length, 1);
  const told: number[] = [];
  const watch = observers.add({
    message: (_session, _direction, bytes) => told.push(bytes.length),
  });
  wire.receive(encodeEndOfRib("ipv4-unicast"));
  watch[Symbol.dispose]();
  wire.receive(encodeEndOfRib("ipv4-unicast"));
  assert.deepEqual(told, [23]);
});
