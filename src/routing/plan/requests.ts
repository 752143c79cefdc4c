import { randomUUID } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { performance } from 'node:perf_hooks';
import { Uuid, type Envelope, type Identifier } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { identifierToText } from '../../core/identifier-text.ts';
import { identityOf } from '../../core/identity.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { RateLimitedLog } from '../../core/rate-limited-log.ts';
import { placeOf, type ReplySettings } from '../route/route.ts';
import type { Finish } from '../targets/target.ts';

/** What was counted since the start. */
export interface RequestCounters {
  /** Requests to which no answer came in time. */
  unanswered: number;
  /** Answers to no request that is known here. */
  strays: number;
}

/** What is to be done with an answer. */
export interface Answer {
  /** Where the requester waits for it, in the syntax of its endpoint. */
  readonly address: string;
  /** Makes it the requester's: the correlation is what the request said. */
  readonly finish: Finish;
  /** To be told how it ended. */
  readonly settled: (outcome: Outcome) => void;
}

interface Request {
  readonly route: string;
  /** What tells a request that comes again, or goes to several targets, from others. */
  readonly same: string;
  /** The correlation identifier that it has at its targets. */
  readonly token: string;
  /** Its message identifiers there, as `textOf` writes them. */
  readonly ids: Set<string>;
  /** From where answers to it may come. */
  readonly places: Set<string>;
  readonly replyTo: string;
  /** What the requester knows an answer by. */
  readonly correlationId: Identifier | undefined;
  readonly all: boolean;
  /** By the clock. */
  deadline: number;
  /** `taken`: an answer is on its way to the requester. */
  state: 'waiting' | 'taken' | 'answered';
  /** Answers that the requester has. */
  answers: number;
}

/** The requests of one route, in the order of their deadlines as long as its timeout stays what it is. */
interface Asked {
  readonly waiting: Set<Request>;
  /** Those that want no further answer, kept so that one is known for what it is; no more than may wait. */
  readonly answered: Set<Request>;
}

/** How often, in ms, requests whose time is over are looked for. */
const sweepEvery = 1000;

/**
 * The requests that were carried to another endpoint and wait for their answers, in memory. Each is known there by a token
 * that nobody can guess, or by its message identifier, from which many answerers take the correlation (JMS).
 */
export class Requests {
  readonly counters: RequestCounters = { unanswered: 0, strays: 0 };
  readonly #log: RateLimitedLog;
  readonly #now: () => number;
  readonly #routes = new Map<string, Asked>();
  readonly #tokens = new Map<string, Request>();
  readonly #ids = new Map<string, Set<Request>>();
  readonly #same = new Map<string, Request>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param now the monotonic clock, in ms */
  constructor(log: RateLimitedLog, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** How many requests of a route wait for an answer. */
  waiting(route: string): number {
    return this.#routes.get(route)?.waiting.size ?? 0;
  }

  /**
   * The request as its target is to see it, with the reply address there; a message without reply address as it is.
   * @param message as its source handed it over
   * @param onward as it is sent otherwise
   * @throws JunctionError `invalid-message` where answers may not go where it wants them, `busy` where too many wait
   */
  ask(route: string, endpoint: string, reply: ReplySettings, message: Envelope, onward: Envelope): Envelope {
    const { replyTo } = message;
    if (replyTo === undefined || replyTo === '') return onward;
    const wrong = reply.allowed.whyNot(replyTo);
    if (wrong !== undefined) throw new JunctionError('invalid-message', `route "${route}": ${wrong}`);
    const request = this.#requestOf(route, reply, message, replyTo);
    request.places.add(placeOf(endpoint, reply.address));
    const id = onward.id ?? request.token;
    this.#know(request, textOf(id));
    return { ...onward, id, correlationId: request.token, replyTo: reply.address };
  }

  /**
   * What becomes of an answer; undefined where it is one to a request of another route.
   * @param place from where it comes, as `placeOf` says
   * @param strays whether it is this route that answers to no request are told of
   * @throws JunctionError `no-route` for such a one
   */
  answerTo(route: string, place: string, strays: boolean, { correlationId }: Envelope): Answer | undefined {
    const found = correlationId === undefined ? undefined : this.#find(textOf(correlationId), place);
    if (found) return found.route === route ? this.#answer(found) : undefined;
    if (!strays) return undefined;
    this.counters.strays++;
    throw new JunctionError(
      'no-route',
      correlationId === undefined
        ? 'an answer has no correlation id, so nobody knows whose it is; answerers must copy the correlation id of the request'
        : 'an answer belongs to no request that is waited for here: it came too late, or the gateway was started anew, or it is for another gateway',
    );
  }

  /** Forgets the requests of all other routes. */
  keep(routes: ReadonlySet<string>): void {
    for (const [route, { waiting, answered }] of this.#routes) {
      if (routes.has(route)) continue;
      for (const request of [...waiting, ...answered]) this.#forget(request);
      this.#routes.delete(route);
    }
  }

  /** Forgets requests whose time is over. */
  sweep(): void {
    for (const [route, asked] of this.#routes) this.#sweep(route, asked);
  }

  /** Ends its timer. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #requestOf(route: string, reply: ReplySettings, message: Envelope, replyTo: string): Request {
    const { timeout, max, answers } = reply;
    const deadline = this.#now() + timeout;
    const asked = this.#askedOf(route);
    const correlationId = message.correlationId ?? message.id;
    const wanted = correlationId === undefined ? '' : identifierToText(correlationId);
    const same = JSON.stringify([route, identityOf(message), replyTo, wanted]);
    const known = this.#same.get(same);
    if (known) {
      if (known.state === 'answered') known.state = 'waiting';
      known.deadline = deadline;
      asked.answered.delete(known);
      asked.waiting.delete(known);
      asked.waiting.add(known); // it is the last of them now
      return known;
    }
    if (asked.waiting.size >= max) this.#sweep(route, asked);
    if (asked.waiting.size >= max)
      throw new JunctionError(
        'busy',
        `route "${route}": ${max} requests wait for their answers, the most that "max" of its "reply" allows`,
      );
    const request: Request = {
      route,
      same,
      token: randomUUID(),
      ids: new Set(),
      places: new Set(),
      replyTo,
      correlationId,
      all: answers === 'all',
      deadline,
      state: 'waiting',
      answers: 0,
    };
    asked.waiting.add(request);
    this.#same.set(same, request);
    this.#tokens.set(request.token, request);
    this.#sweepLater();
    return request;
  }

  #askedOf(route: string): Asked {
    let asked = this.#routes.get(route);
    if (!asked) this.#routes.set(route, (asked = { waiting: new Set(), answered: new Set() }));
    return asked;
  }

  #know(request: Request, id: string): void {
    if (id === request.token || request.ids.has(id)) return;
    request.ids.add(id);
    const known = this.#ids.get(id);
    if (known) known.add(request);
    else this.#ids.set(id, new Set([request]));
  }

  #find(text: string, place: string, again = false): Request | undefined {
    const now = this.#now();
    const lives = ({ deadline, places }: Request): boolean => deadline > now && places.has(place);
    const request = this.#tokens.get(text);
    if (request) return lives(request) ? request : undefined;
    // Of two requests with one identifier nobody can tell which is meant: the one would get the other's answer.
    const named = [...(this.#ids.get(text) ?? [])].filter(lives);
    if (named.length > 0) return named.length === 1 ? named[0] : undefined;
    // ActiveMQ Classic shows JMS clients every identifier with this before it, and does not take it away again.
    return text.startsWith(jmsPrefix) && !again
      ? this.#find(text.slice(jmsPrefix.length), place, true)
      : undefined;
  }

  #answer(request: Request): Answer {
    let taken = false;
    return {
      address: request.replyTo,
      finish: (_, onward) => {
        if (!request.all) {
          if (request.state !== 'waiting')
            throw new JunctionError('expired', 'an answer ends here, since its request has one already');
          request.state = 'taken';
        }
        taken = true;
        return { ...onward, correlationId: request.correlationId };
      },
      settled: ({ state }) => {
        if (!taken) return;
        taken = false;
        if (state === 'accepted') this.#answered(request);
        else if (request.state === 'taken') request.state = 'waiting'; // it, or another one, may come again
      },
    };
  }

  #answered(request: Request): void {
    request.answers++;
    if (request.all || request.state === 'answered') return;
    request.state = 'answered';
    const asked = this.#routes.get(request.route);
    if (!asked?.waiting.delete(request)) return; // its time is over, or its route is gone
    asked.answered.add(request);
    if (asked.answered.size <= answeredLimit) return;
    const [oldest] = asked.answered;
    asked.answered.delete(oldest!);
    this.#forget(oldest!);
  }

  #sweep(route: string, { waiting, answered }: Asked): void {
    const now = this.#now();
    let unanswered = 0;
    for (const request of waiting) {
      if (request.deadline > now) break;
      if (request.state === 'taken') continue;
      waiting.delete(request);
      this.#forget(request);
      if (request.answers === 0) unanswered++;
    }
    for (const request of answered) {
      if (request.deadline > now) break;
      answered.delete(request);
      this.#forget(request);
    }
    if (unanswered === 0) return;
    this.counters.unanswered += unanswered;
    this.#log.warn(`${route} unanswered`, { route, requests: unanswered }, 'requests had no answer in time');
  }

  #forget(request: Request): void {
    this.#tokens.delete(request.token);
    this.#same.delete(request.same);
    for (const id of request.ids) {
      const known = this.#ids.get(id);
      if (known?.delete(request) && known.size === 0) this.#ids.delete(id);
    }
  }

  #sweepLater(): void {
    if (this.#stopped || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.sweep();
      if (this.#tokens.size > 0) this.#sweepLater();
    }, sweepEvery);
  }
}

/** Before the message identifiers of JMS. */
const jmsPrefix = 'ID:';

/** Requests of one route that have an answer and are remembered, at most. */
const answeredLimit = 1000;

/** An identifier as one text, whatever type a protocol between has made of it. */
function textOf(id: Identifier): string {
  if (typeof id === 'string') return id;
  if (id instanceof Uuid) return id.text.toLowerCase();
  if (id instanceof Uint8Array && isUtf8(id)) return Buffer.from(id).toString();
  return identifierToText(id);
}
