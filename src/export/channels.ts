import type { AddressPattern } from '../core/address.ts';
import type { Template } from '../core/template.ts';

/** An address as AsyncAPI writes them: parts that differ are `{parameters}`, and there are no wildcards. */
export interface ChannelAddress {
  readonly address: string;
  readonly parameters: ReadonlyMap<string, Parameter>;
}

export interface Parameter {
  readonly description: string;
  /** A runtime expression that says where a message holds it. */
  readonly location?: string;
}

/** One address that is known. */
export const channelAt = (address: string): ChannelAddress => ({
  address: address.replaceAll('{', '%7B').replaceAll('}', '%7D'),
  parameters: new Map(),
});

const one = 'One part of the address.';
const rest = 'The rest of the address: one part or more.';

/** What a route reads. Wildcards without a name become parameters `any`, `any2` and so on, and `rest`. */
export function channelOfPattern({ segments }: AddressPattern): ChannelAddress {
  const parameters = new Map<string, Parameter>();
  const address = segments.map((segment) => {
    if (segment.kind === 'literal') return segment.text;
    const name = segment.capture ?? freeName(segment.kind === 'one' ? 'any' : 'rest', segments, parameters);
    const open = segment.kind === 'rest' && segment.capture === undefined;
    const description = segment.kind === 'one' ? one : open ? `${rest} It may be missing.` : rest;
    parameters.set(name, { description });
    return `${segment.separator}{${name}}`;
  });
  return { address: address.join(''), parameters };
}

function freeName(
  base: string,
  segments: AddressPattern['segments'],
  parameters: ReadonlyMap<string, Parameter>,
): string {
  const taken = (name: string): boolean =>
    parameters.has(name) ||
    segments.some((segment) => segment.kind !== 'literal' && segment.capture === name);
  let name = base;
  for (let n = 2; taken(name); n++) name = `${base}${n}`;
  return name;
}

/** Where a target sends to: captures, and values of the message with where they come from. */
export function channelOfTemplate({ parts }: Template, from: AddressPattern): ChannelAddress {
  const parameters = new Map<string, Parameter>();
  const address = parts.map((part) => {
    // a brace there would begin a parameter
    if ('text' in part) return part.text.replaceAll('{', '%7B').replaceAll('}', '%7D');
    const { name, parameter } = 'capture' in part ? captured(part.capture, from) : valued(part);
    parameters.set(name, parameter);
    return `{${name}}`;
  });
  return { address: address.join(''), parameters };
}

interface Named {
  readonly name: string;
  readonly parameter: Parameter;
}

function captured(name: string, { segments }: AddressPattern): Named {
  const isRest = segments.some((segment) => segment.kind === 'rest' && segment.capture === name);
  return { name, parameter: { description: isRest ? rest : one } };
}

function valued({ value, written }: Extract<Template['parts'][number], { value: unknown }>): Named {
  const name = written.replace(/[^A-Za-z0-9_-]+/g, '-');
  const description = `Of the message: ${written}.`;
  if (value.kind === 'header')
    return { name, parameter: { description, location: `$message.header#/${escaped(value.name)}` } };
  if (value.kind === 'body')
    return {
      name,
      parameter: { description, location: `$message.payload#/${value.pointer.map(escaped).join('/')}` },
    };
  return { name, parameter: { description } };
}

/** A step of a JSON pointer, RFC 6901 §3. */
const escaped = (step: string): string => step.replaceAll('~', '~0').replaceAll('/', '~1');
