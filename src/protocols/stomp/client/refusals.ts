import { JunctionError, type ErrorCode } from '../../../core/errors.ts';
import type { Frame } from '../frame.ts';

/** STOMP has no codes: what the words of brokers mean, the first that fits. */
const meanings: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /memory|disk|store is full|no space|resource|timed? ?out|shutting|stopp(ed|ing)|try again/i,
    'unavailable',
  ],
  [/too (large|big|long)|exceed|max(imum)? ?(frame|message|data)/i, 'too-large'],
  [/access|denied|authori[sz]|permission|security|credential|log ?in|password/i, 'not-authorized'],
  [/not[ _]found|no (exchange|queue)|unknown destination|invalid destination|not exist/i, 'no-route'],
];

const longest = 300;

/** What an ERROR says, in one line. */
export function textOf(frame: Frame): string {
  const head = frame.get('message') ?? '';
  const body = frame.body
    .subarray(0, 4 * longest)
    .toString('utf8')
    .split(/[\r\n]/, 1)[0]!
    .trim();
  const text = body === '' || head.includes(body) ? head : head === '' ? body : `${head.trim()}: ${body}`;
  const plain = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return plain === '' ? 'the broker sent an ERROR without a reason' : plain.slice(0, longest);
}

/** The error that one message met. */
export function refusalOf(text: string, address: string): JunctionError {
  const code = meanings.find(([words]) => words.test(text))?.[1] ?? 'refused';
  return new JunctionError(code, `the STOMP broker refused a message to ${address}: ${text}`);
}
