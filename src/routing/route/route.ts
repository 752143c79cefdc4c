import type { AddressPattern } from '../../core/address.ts';
import type { Envelope } from '../../core/envelope.ts';
import type { SeenBounds } from '../../core/storage.ts';
import type { Template } from '../../core/template.ts';
import type { ValueTemplate } from '../../core/value-template.ts';
import type { Step, When } from './compiled.ts';
import type { AllowedReplies } from './allowed-replies.ts';
import type { Edits } from './edits.ts';
import type { RetryPolicy } from './retry.ts';

export interface RouteTarget {
  readonly endpoint: string;
  readonly template: Template;
  /** What the ordering key becomes. */
  readonly key?: ValueTemplate | undefined;
  /** When a message that it did not take is sent again; undefined: never. */
  readonly retry?: RetryPolicy | undefined;
  /** Only messages for which all of these hold go to it. */
  readonly when?: readonly When[] | undefined;
  /** Changes of a message for this target beside its body; `steps` come after them, in their order. */
  readonly edits?: Edits | undefined;
  readonly steps?: readonly Step[] | undefined;
  /**
   * It is a mirror: it gets copies of this share of the messages, from 0 to 1, and nobody waits for it or learns of its failures.
   */
  readonly mirror?: number | undefined;
  /** How requests are answered from there; undefined: their reply address goes with them as it is. */
  readonly reply?: ReplySettings | undefined;
  /** It is one of several of which one is to have each message. */
  readonly group?: TargetGroup | undefined;
}

/** How answers to requests come back from a target. */
export interface ReplySettings {
  /** Where they are sent and read, in the syntax of the target's endpoint. */
  readonly address: string;
  /** Where requests may want them. */
  readonly allowed: AllowedReplies;
  /** Ms after which none is waited for. */
  readonly timeout: number;
  /** Requests of the route that wait for one, at most. */
  readonly max: number;
  /** The first one of each request, or all that come in time. */
  readonly answers: 'first' | 'all';
}

/** Where the answers of a target are read, as one text. */
export const placeOf = (endpoint: string, address: string): string => `${endpoint} ${address}`;

/** Targets that stand for one: `any`, who confirms first; `failover`, the first that takes it, in order. */
export interface TargetGroup {
  readonly mode: 'any' | 'failover';
  /** The group's place in the route. */
  readonly number: number;
}

/** Where a route's dead letters go: to an address of an endpoint, or to the embedded store. */
export type DeadLetterTarget = 'store' | { readonly endpoint: string; readonly address: string };

/** Bounds of a route's spool; undefined: without bound. */
export interface SpoolSettings {
  /** Bytes of the messages in it. */
  readonly maxBytes: number;
  readonly maxMessages: number | undefined;
  /** Ms after which a message that is still in it has failed for good. */
  readonly maxAge: number | undefined;
  /** What becomes of a message that finds it full: its source waits, is refused, or it becomes a dead letter. */
  readonly full: 'block' | 'reject' | 'dead-letter';
}

/** By what repeats of a message are known, and for how long. */
export interface DedupSettings extends SeenBounds {
  /** Messages of one value are one message; one that lacks a part of it is told apart from all others. */
  readonly by: ValueTemplate;
}

/** One line of the routing table, checked against the endpoints it names. */
export interface ResolvedRoute {
  /** Unique over all files. */
  readonly name: string;
  readonly description: string | undefined;
  /** The department it belongs to. */
  readonly owner: string | undefined;
  /** Where it is written. */
  readonly file: string;
  readonly line: number;
  readonly from: {
    readonly endpoint: string;
    readonly pattern: AddressPattern;
    /** What makes of a message what the rest of the route sees; at once, since the order depends on it. */
    readonly decode?: Step<Envelope> | undefined;
  };
  /** Only messages for which it holds are the route's; the others pass it by. */
  readonly when?: When | undefined;
  /** All must confirm before the source is told `accepted`. */
  readonly to: readonly RouteTarget[];
  /** Where messages go whose delivery has failed for good; undefined: their source is told. */
  readonly deadLetter?: DeadLetterTarget | undefined;
  /** Where messages wait for their targets, after their source has been told `accepted`; undefined: nowhere. */
  readonly spool?: SpoolSettings | undefined;
  /** Repeats of a message that has come through are not sent again; undefined: they are. */
  readonly dedup?: DedupSettings | undefined;
  /** It is the way back of another route: what it reads are answers to requests of that one. */
  readonly answers?: {
    readonly route: string;
    /** Whether it is told of answers to no request; others may read them too. */
    readonly strays: boolean;
  };
}
