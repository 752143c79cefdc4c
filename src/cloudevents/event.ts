import type { AttributeValue } from './attributes.ts';

/** A CloudEvent, version 1.0, apart from how a message carries it. */
export interface CloudEvent {
  /** All but `datacontenttype`. */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** The attribute `datacontenttype`. */
  readonly contentType: string | undefined;
  /** null where the event has no data, which empty data is not. */
  readonly data: Uint8Array | null;
}
