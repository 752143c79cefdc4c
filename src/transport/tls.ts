import { isIP } from 'node:net';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { z } from 'zod';

const text = z.string().min(1);

/** How to trust a broker, and who we are to it; PEM text, which `${file:path}` takes from a file. */
export const clientTls = z
  .strictObject({
    ca: text.optional().describe('PEM of the authorities to trust instead of the system’s.'),
    cert: text.optional().describe('PEM of our certificate, where the broker asks for one.'),
    key: text.optional().describe('PEM of its private key.'),
    passphrase: text.optional().describe('What the private key is encrypted with, if it is.'),
    servername: text.optional().describe('The name that the broker’s certificate bears, if not its host.'),
  })
  .superRefine((tls, context) => {
    try {
      createSecureContext(withoutUndefined(tls));
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: `the certificates cannot be used: ${(error as Error).message}; they are PEM text, e.g. \${file:certs/ca.pem}`,
      });
    }
  });

export type ClientTls = z.output<typeof clientTls>;

/** What `tls.connect` is told for a broker at `host`; certificates are always checked. */
export const secureOptions = (tls: ClientTls | undefined, host: string): ConnectionOptions => ({
  ...(isIP(host) ? {} : { servername: host }), // RFC 6066 §3: an address is no server name
  ...withoutUndefined(tls ?? {}),
});

/** Leaves out what is undefined, which would hide a default. */
export const withoutUndefined = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
