import type { CloudEventsBinding } from '../core/protocol.ts';
import type { ValueTemplate } from '../core/value-template.ts';

/** What a target's `format: { cloudevents: … }` says, with its templates read. */
export interface CloudEventsSettings {
  readonly mode: 'binary' | 'structured';
  /** Before the names of attributes in binary mode, where it is not the binding's first. */
  readonly prefix?: string | undefined;
  /** Attributes of messages that lack them; a template of which a message lacks a part gives none. */
  readonly attributes: ReadonlyMap<string, ValueTemplate | number | boolean>;
  /** The content type of messages that have none. */
  readonly contentType?: string | undefined;
}

/** The endpoint that messages come from. */
export interface EventSource {
  readonly endpoint: string;
  readonly binding: CloudEventsBinding;
}
