import { JunctionError } from '../../core/errors.ts';
import { versions, type Frame, type Version } from './frame.ts';

/** What CONNECT and our settings amount to. Intervals in ms; 0: none. */
export interface Agreement {
  readonly version: Version;
  /** The longest silence we may keep towards the client. */
  readonly sendEvery: number;
  /** How often the client promised to be heard. */
  readonly expectEvery: number;
}

/**
 * Agrees on the highest common version and on heart-beats (STOMP 1.2 "Protocol Negotiation", "Heart-beating").
 * @param heartBeat what we offer and want, ms; 0 for none. Whatever the client asks, we never beat more often.
 * @throws JunctionError invalid-message
 */
export function negotiate(connect: Frame, heartBeat: number): Agreement {
  const version = commonVersion(connect.get('accept-version'));
  const [canSend, wants] = version === '1.0' ? [0, 0] : parseHeartBeat(connect.get('heart-beat'));
  return {
    version,
    sendEvery: wants === 0 || heartBeat === 0 ? 0 : Math.max(heartBeat, wants),
    expectEvery: canSend === 0 || heartBeat === 0 ? 0 : Math.max(heartBeat, canSend),
  };
}

function commonVersion(offered: string | undefined): Version {
  if (offered === undefined) return '1.0';
  const wanted = offered.split(',').map((text) => text.trim());
  const version = versions.findLast((known) => wanted.includes(known));
  if (version === undefined)
    throw new JunctionError(
      'invalid-message',
      `none of the versions offered is spoken here; offer one of ${versions.join(', ')}`,
    );
  return version;
}

function parseHeartBeat(text: string | undefined): [number, number] {
  if (text === undefined) return [0, 0];
  const found = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(text);
  if (!found)
    throw new JunctionError(
      'invalid-message',
      'heart-beat must be two numbers of milliseconds, e.g. 10000,10000',
    );
  return [Number(found[1]), Number(found[2])];
}
