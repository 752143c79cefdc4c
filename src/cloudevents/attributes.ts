import type { Header } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { typeOf } from '../core/header-values.ts';
import { timeOf } from './time.ts';

/**
 * The value of an attribute: String, URI, URI-reference and Timestamp as text, Boolean, Integer (32 bits), Binary; a
 * Date is a Timestamp of a protocol that has such a type (CloudEvents §Type System).
 */
export type AttributeValue = string | boolean | number | Uint8Array | Date;

/** Lower-case letters and digits; `data` is not an attribute (§Naming Conventions). */
export const isAttributeName = (name: string): boolean => /^[a-z0-9]+$/.test(name) && name !== 'data';

/** @param reason may hold what came from outside, of any length */
export const invalid = (reason: string): JunctionError =>
  new JunctionError(
    'invalid-message',
    `no valid CloudEvent: ${reason.length > 300 ? `${reason.slice(0, 300)}…` : reason}`,
  );

const leastInteger = -(2 ** 31);
const mostInteger = 2 ** 31 - 1;

export const isInteger = (value: number): boolean =>
  Number.isInteger(value) && value >= leastInteger && value <= mostInteger;

/** Control characters, noncharacters and surrogates without their other half are no part of a String. */
const unfit = /[\u0000-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}|\p{Surrogate}/u;

/** What a text that people wrote must not hold, or undefined where it is a String. */
export const wrongText = (text: string): string | undefined =>
  unfit.test(text) ? 'holds a character that attributes cannot, such as a control character' : undefined;

/**
 * The value that a header holds; undefined for null, which is an attribute that is not set.
 * @throws JunctionError `invalid-message` where no attribute can have it
 */
export function attributeOf(name: string, [, value, declared]: Header): AttributeValue | undefined {
  const type = typeOf(value, declared);
  switch (type) {
    case 'null':
      return undefined;
    case 'boolean':
    case 'binary':
      return value as boolean | Uint8Array;
    case 'string':
    case 'char':
    case 'symbol':
    case 'uuid':
      return String(value);
    case 'timestamp':
      return new Date(Number(value));
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
      throw invalid(`the attribute ${name} is a ${type}, which attributes cannot be`);
    default: {
      const number = Number(value);
      if (!isInteger(number))
        throw invalid(`the attribute ${name} is ${String(value)}, no integer of 32 bits`);
      return number === 0 ? 0 : number;
    }
  }
}

/** The canonical string of a value (§Type System). */
export function canonicalText(value: AttributeValue): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return String(value);
}

const uriReference =
  /^(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$/;

/** URI-reference (RFC 3986 §4.1). */
export const isUriReference = (text: string): boolean => uriReference.test(text);

const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:./;

export const isUri = (text: string): boolean => absolute.test(text) && uriReference.test(text);

/** What no URI reference holds as it is. */
const notInUri = /%(?![0-9A-Fa-f]{2})|[^\w\-.~:/?#[\]@!$&'()*+,;=%]/gu;

/** What was made of a message's values as a URI reference: characters that it cannot hold are percent-encoded. */
export function toUriReference(text: string): string {
  const encoded = text.toWellFormed().replace(notInUri, (each) => encodeURIComponent(each));
  const fragment = encoded.indexOf('#') + 1;
  return fragment === 0
    ? encoded
    : encoded.slice(0, fragment) +
        encoded.slice(fragment).replace(/[#[\]]/g, (each) => encodeURIComponent(each));
}

/** What a text that people wrote holds that no URI reference does, or undefined where there is nothing. */
export function wrongInUri(text: string): string | undefined {
  const found = text.match(notInUri)?.[0];
  return found === undefined
    ? undefined
    : `holds ${JSON.stringify(found)}, which a URI cannot; write ${encodeURIComponent(found)}`;
}

/** A media type with its parameters (RFC 2045 §5.1), read leniently. */
export const isMediaType = (text: string): boolean =>
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;[^\u0000-\u001f\u007f]*)?$/.test(text);

const required = ['specversion', 'id', 'source', 'type'] as const;

/**
 * Refuses what is no event of version 1.0: required attributes, and the types of those that the specification defines.
 * @throws JunctionError `invalid-message`
 */
export function checkAttributes(
  attributes: ReadonlyMap<string, AttributeValue>,
  contentType: string | undefined,
): void {
  for (const name of required) if (!attributes.has(name)) throw invalid(`the attribute ${name} is missing`);
  for (const [name, value] of attributes) checkAttribute(name, value);
  if (contentType !== undefined && !isMediaType(contentType))
    throw invalid(`the content type "${contentType}" is no media type`);
}

function checkAttribute(name: string, value: AttributeValue): void {
  if (value instanceof Date) {
    const year = Number.isNaN(value.getTime()) ? NaN : value.getUTCFullYear();
    if (!(year >= 0 && year <= 9999)) throw invalid(`the attribute ${name} is no time that RFC 3339 can say`);
  } else if (typeof value === 'string') {
    const wrong = wrongText(value);
    if (wrong !== undefined) throw invalid(`the attribute ${name} ${wrong}`);
  }
  switch (name) {
    case 'specversion':
      if (value !== '1.0') throw invalid(`specversion is ${shown(value)}; this gateway knows 1.0`);
      return;
    case 'id':
    case 'type':
    case 'subject':
      if (typeof value !== 'string' || value === '') throw invalid(`${name} is ${shown(value)}, no text`);
      return;
    case 'source':
      if (typeof value !== 'string' || value === '' || !isUriReference(value))
        throw invalid(`source is ${shown(value)}, no URI reference`);
      return;
    case 'dataschema':
      if (typeof value !== 'string' || !isUri(value)) throw invalid(`dataschema is ${shown(value)}, no URI`);
      return;
    case 'time':
      if (!(value instanceof Date) && (typeof value !== 'string' || timeOf(value) === undefined))
        throw invalid(`time is ${shown(value)}, no timestamp of RFC 3339`);
  }
}

function shown(value: AttributeValue): string {
  const text = canonicalText(value);
  return typeof value === 'string' ? JSON.stringify(text.slice(0, 100)) : text.slice(0, 100);
}
