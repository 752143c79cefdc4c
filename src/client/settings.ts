import { z } from 'zod';
import { duration, size, timer } from '../core/units.ts';
import type { BrokerUrl, Carrier } from '../transport/dial.ts';
import { clientTls } from '../transport/tls.ts';

/** The URL schemes of a protocol: what carries it, and the port where none is written. */
export type Schemes = Readonly<Record<string, { readonly carrier: Carrier; readonly port: number }>>;

/** What follows the scheme of a URL. */
const rest = ':\\/\\/(?:\\[([0-9A-Fa-f:.]+)\\]|([A-Za-z0-9._-]+))(?::(\\d{1,5}))?(\\/\\S*)?$';
const shape = new RegExp(`^([a-z][a-z0-9+]*)${rest}`);

/**
 * One URL of a broker, or several of which the next is tried when one cannot be reached.
 * Credentials in them are refused: URLs are shown in logs and states.
 */
export function brokerUrls(schemes: Schemes) {
  const names = Object.keys(schemes);
  const example = `${names[0]!}://host:${schemes[names[0]!]!.port}`;
  const parsed = z.string().transform((value, context): BrokerUrl => {
    const found = shape.exec(value.trim());
    const scheme = found && Object.hasOwn(schemes, found[1]!) ? schemes[found[1]!] : undefined;
    const port = Number(found?.[4] ?? scheme?.port);
    if (found && scheme && port >= 1 && port <= 65_535)
      return {
        text: value.trim(),
        carrier: scheme.carrier,
        host: (found[2] ?? found[3])!,
        port,
        path: found[5] ?? '',
      };
    context.issues.push({
      code: 'custom',
      input: '', // the value may hold a password
      message: /^[a-z0-9+]+:\/\/[^/]*@/.test(value)
        ? `credentials do not belong in the URL, which is shown in logs: write username and password, and ${example}`
        : `is not the URL of a broker: write ${example} (${names.join(', ')})`,
    });
    return z.NEVER;
  });
  const url = parsed.meta({
    pattern: `^(${names.map((name) => name.replaceAll('+', '\\+')).join('|')})${rest}`,
    patternErrorMessage: `write ${example} (${names.join(', ')}), without user and password`,
    example,
  });
  return z
    .union([url, z.array(url).min(1)])
    .transform((value): readonly BrokerUrl[] => (Array.isArray(value) ? value : [value]))
    .describe('The broker; of several the next is tried when one cannot be reached.');
}

const text = z.string().min(1);

/** Settings that every connection to a broker has; each protocol adds its own. */
export const clientSettings = {
  username: text.optional().describe('The user.'),
  password: text
    .optional()
    .describe('The password; take it from the environment, ${NAME}, or a file, ${file:path}.'),
  tls: clientTls.optional().describe('Certificates, for the secure URL schemes.'),
  window: z
    .int()
    .min(1)
    .max(65_535)
    .default(512)
    .describe('Messages from the broker that are not settled yet, at most.'),
  in_flight: z
    .int()
    .min(1)
    .max(60_000)
    .default(1000)
    .describe('Messages to the broker that it has not confirmed yet, at most; the rest waits here.'),
  max_message: size().prefault('4MiB').describe('The largest message taken from the broker.'),
  max_pending: size()
    .prefault('32MiB')
    .describe('Bytes that may wait for confirmation; more is refused as busy. A larger message goes alone.'),
  timeout: duration()
    .prefault('10s')
    .describe('How long a message may wait for its confirmation before its sender is told to try again.'),
  connect_timeout: timer()
    .prefault('5s')
    .describe('How long connecting and logging in may take before it is tried anew.'),
};
