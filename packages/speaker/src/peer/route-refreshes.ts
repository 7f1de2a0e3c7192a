/**
 * Route refresh of one peer, in both directions (RFC 2918, RFC 7313): what was asked of it and not
 * answered, what it sends again, what it asks of us.
 *
 * Where refreshes are delimited, an answer begins with BoRR, so that a request without one is known
 * not to be answered. A peer that lets a request wait for too long is not offered RFC 7313 in later
 * sessions: FRR holds all answers back until it has sent an End-of-RIB, and never sends one to a
 * speaker without graceful restart; plain requests it answers at once. Nothing in a session that is
 * up makes it answer, and whether to reset that one is the operator's choice.
 */
import {
  type AddressFamily,
  addressFamilies,
  addressFamilyOf,
  decodeRouteRefresh,
  type PeerIndex,
  refreshSubtypes,
} from "@heddle/bgp";
import type { Log, Timer } from "@heddle/std";
import { SpeakerError } from "../errors.ts";
import type { UnansweredRefresh } from "../status.ts";
import type { PeerContext } from "./peer-context.ts";
import { RefreshWindow } from "./refresh-window.ts";
import type { Session } from "./session.ts";
import { softResetOf } from "./soft-reset.ts";

interface Request {
  readonly askedAtWallMs: number;
  readonly timer: Timer;
}

type RefreshContext = Pick<PeerContext, "clock" | "driver" | "rib" | "timers">;

export class RouteRefreshes {
  readonly #cx: RefreshContext;
  readonly #peer: PeerIndex;
  readonly #log: Log;
  readonly #window: RefreshWindow;
  /** Asked of the peer in this session. */
  readonly #requests: Map<AddressFamily, Request> = new Map();
  #isDeaf = false;

  constructor(peer: PeerIndex, cx: RefreshContext, log: Log) {
    this.#cx = cx;
    this.#peer = peer;
    this.#log = log;
    const { clock, driver, rib, timers } = cx;
    this.#window = new RefreshWindow(rib, peer, clock, timers.refreshStaleMs, () =>
      driver.schedule(),
    );
  }

  /** Families that the peer is sending again, delimited. */
  get families(): readonly AddressFamily[] {
    return this.#window.families;
  }

  /** Requests of this session that the peer has not begun to answer, where it would say so. */
  get unanswered(): readonly UnansweredRefresh[] {
    return [...this.#requests].map(([family, { askedAtWallMs }]) => ({ family, askedAtWallMs }));
  }

  /** RFC 7313 is of use with this peer, as far as it is known. */
  get mayBeEnhanced(): boolean {
    return !this.#isDeaf;
  }

  /**
   * Asks the peer for its table again (RFC 2918), all families without `family`.
   * @throws SpeakerError `state` without a session, or with a peer that does not take it
   */
  request(name: string, established: Session | undefined, family?: AddressFamily): void {
    const { session, negotiated, families } = softResetOf(name, established, family);
    if (!negotiated.routeRefresh) {
      throw new SpeakerError("state", `Cannot refresh ${name}: it takes no ROUTE-REFRESH`);
    }
    for (const one of families) {
      session.sendRouteRefresh({ ...addressFamilies[one], subtype: refreshSubtypes.request });
      if (negotiated.enhancedRouteRefresh) this.#await(one);
    }
  }

  /** Sends our table again. @throws SpeakerError `state` without a session */
  answer(name: string, established: Session | undefined, family?: AddressFamily): void {
    const { negotiated, families } = softResetOf(name, established, family);
    for (const one of families) {
      this.#cx.driver.refresh(this.#peer, one, negotiated.enhancedRouteRefresh);
    }
  }

  /** A ROUTE-REFRESH of the peer. @throws DecodeError `reset` */
  received({ state }: Session, body: Uint8Array): void {
    const { subtype, afi, safi } = decodeRouteRefresh(body);
    const family = addressFamilyOf(afi, safi);
    // RFC 2918 4: a family not negotiated is ignored. RFC 7313 5: so are other subtypes.
    if (state.kind !== "Established" || family === undefined) return;
    const { families, enhancedRouteRefresh } = state.negotiated;
    if (!families.includes(family)) return;
    if (subtype === refreshSubtypes.request) {
      this.#cx.driver.refresh(this.#peer, family, enhancedRouteRefresh);
    } else if (subtype === refreshSubtypes.begin && enhancedRouteRefresh) {
      this.#isDeaf = false;
      this.#settle(family);
      this.#window.begin(family);
    } else if (subtype === refreshSubtypes.end && enhancedRouteRefresh) {
      this.#window.end(family);
    }
  }

  /** The session ended, and with it every refresh. */
  sessionDown(): void {
    for (const family of [...this.#requests.keys()]) this.#settle(family);
    this.#window.sessionDown();
  }

  /** The first of several requests counts: an answer to any of them answers it. */
  #await(family: AddressFamily): void {
    if (this.#requests.has(family)) return;
    const { clock, timers } = this.#cx;
    const timer = clock.after(timers.refreshAnswerMs, () => {
      this.#isDeaf = true;
      this.#log.warn("BGP peer does not answer a route refresh", { family });
    });
    this.#requests.set(family, { askedAtWallMs: clock.wallMs(), timer });
  }

  #settle(family: AddressFamily): void {
    this.#requests.get(family)?.timer.cancel();
    this.#requests.delete(family);
  }
}
