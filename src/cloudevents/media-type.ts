import { isAscii } from 'node:buffer';

/** Media types of CloudEvents, in which content types of structured messages begin. */
export const isStructured = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/cloudevents/i.test(contentType);

const essence = (contentType: string): string => contentType.split(';', 1)[0]!.trim().toLowerCase();

/** Whether it is the one event format that this gateway reads, and whether several events may be in it. */
export function structuredFormat(contentType: string): 'event' | 'batch' | undefined {
  switch (essence(contentType)) {
    case 'application/cloudevents':
    case 'application/cloudevents+json':
      return 'event';
    case 'application/cloudevents-batch+json':
      return 'batch';
    default:
      return undefined;
  }
}

/** Whether it declares JSON: a subtype `json` or one that ends with `+json` (JSON format §3.1.1). */
export const isJson = (contentType: string): boolean =>
  /^[^/]+\/(?:[^/]+\+)?json$/.test(essence(contentType));

const texts =
  /^(?:text\/.*|.*\/xml|.*\+xml|application\/(?:javascript|ecmascript|yaml|toml|sql|x-www-form-urlencoded|x-ndjson))$/;

/**
 * Whether data of this type is text in UTF-8. It depends on nothing but the type, so that one producer's data always
 * looks alike.
 */
export function isText(contentType: string): boolean {
  const charset = charsetOf(contentType);
  if (charset !== undefined) return charset === 'utf-8' || charset === 'us-ascii';
  return texts.test(essence(contentType));
}

function charsetOf(contentType: string): string | undefined {
  const found = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1]?.toLowerCase();
  return found === 'utf8' ? 'utf-8' : found === 'ascii' ? 'us-ascii' : found;
}

/** A text in the charset of its content type; undefined where this gateway cannot write that. */
export function encodeText(text: string, contentType: string): Buffer | undefined {
  const utf8 = Buffer.from(text);
  switch (charsetOf(contentType)) {
    case undefined:
    case 'utf-8':
    case 'us-ascii':
      return utf8;
    case 'iso-8859-1':
      return /^[\u0000-\u00ff]*$/.test(text) ? Buffer.from(text, 'latin1') : undefined;
    case 'utf-16':
    case 'utf-16be':
    case 'utf-16le':
      return undefined;
    default:
      return isAscii(utf8) ? utf8 : undefined; // all others that are in use extend ASCII
  }
}
