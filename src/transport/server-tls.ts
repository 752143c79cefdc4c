import { createPrivateKey, X509Certificate, constants, type KeyObject } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';

const pem = z.string().min(1);

/** Who we are to clients that come by TLS, and who they must be; PEM text, which `${file:path}` takes from a file. */
export const serverTls = z
  .strictObject({
    cert: pem.describe('PEM of the certificate, followed by those that lead to its authority.'),
    key: pem.describe('PEM of its private key, not encrypted.'),
    ca: pem.optional().describe('PEM of the authorities that the certificates of clients must come from.'),
    client_certificate: z
      .enum(['none', 'request', 'require'])
      .default('none')
      .describe(
        'Whether clients are asked for a certificate. With `request` one may come without, but not with one that `ca` does not vouch for.',
      ),
    min_version: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('The oldest version of TLS that is taken.'),
  })
  .superRefine((tls, context) => {
    for (const { key, message } of mistakes(tls))
      context.addIssue({ code: 'custom', path: [key], message, input: undefined });
  });

export type ServerTls = z.output<typeof serverTls>;

interface Mistake {
  readonly key: keyof ServerTls;
  /** Never holds any of the text itself. */
  readonly message: string;
}

/** What would make every handshake fail, or let in whom it should not. */
function mistakes(tls: ServerTls): Mistake[] {
  const found: Mistake[] = [];
  const certificate = attempt(() => new X509Certificate(tls.cert));
  if (!certificate)
    found.push({ key: 'cert', message: 'is not a certificate in PEM, e.g. ${file:certs/server.pem}' });
  const key = attempt(() => createPrivateKey(tls.key));
  if (!key) found.push({ key: 'key', message: keyMistake(tls.key) });
  if (certificate && key && !certificate.checkPrivateKey(key))
    found.push({ key: 'key', message: 'is not the private key of the certificate in "cert"' });
  if (tls.ca === undefined && tls.client_certificate !== 'none')
    found.push({
      key: 'client_certificate',
      message: 'needs "ca", the authorities that may vouch for clients',
    });
  if (tls.ca !== undefined && tls.client_certificate === 'none')
    found.push({
      key: 'ca',
      message: 'has no effect unless "client_certificate" is request or require',
    });
  if (
    tls.ca !== undefined &&
    !certificatesOf(tls.ca).every((each) => attempt(() => new X509Certificate(each)))
  )
    found.push({ key: 'ca', message: 'is not a list of certificates in PEM, e.g. ${file:certs/ca.pem}' });
  if (found.length > 0) return found;
  try {
    createSecureContext(contextOptions(tls));
  } catch (error) {
    found.push({ key: 'cert', message: `cannot be used: ${(error as Error).message}` });
  }
  return found;
}

function keyMistake(text: string): string {
  return /ENCRYPTED/.test(text)
    ? 'is encrypted; give it without a passphrase, e.g. by `openssl pkey`'
    : 'is not a private key in PEM, e.g. ${file:certs/server.key}';
}

/** Each certificate of a file that may hold several; the text itself where there is none. */
const certificatesOf = (text: string): readonly string[] =>
  text.match(/-----BEGIN [^-]*-----[^-]*-----END [^-]*-----/g) ?? [text];

function attempt<T extends X509Certificate | KeyObject>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

const contextOptions = (tls: ServerTls): TlsOptions => ({
  cert: tls.cert,
  key: tls.key,
  minVersion: tls.min_version,
  ...(tls.ca !== undefined && { ca: tls.ca }),
});

/** Settings of node's TLS server. */
export function tlsServerOptions(tls: ServerTls): TlsOptions {
  const asked = tls.client_certificate !== 'none';
  return {
    ...contextOptions(tls),
    requestCert: asked,
    // `request` is decided in `clientOf`: node has no word for "none or a good one"
    rejectUnauthorized: tls.client_certificate === 'require',
    // A resumed session counts as authorized in node even where its first handshake brought no certificate.
    ...(asked && { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
}

/** What stays when certificates are renewed. */
export const withoutCertificates = ({ client_certificate, min_version }: ServerTls): object => ({
  client_certificate,
  min_version,
});

/** What a finished handshake tells of the client. */
export type TlsClient =
  | { readonly trusted: true; readonly identity: string | undefined }
  | { readonly trusted: false; readonly why: string };

/** Who the client is: the common name of its certificate, once that is verified; undefined where it has none. */
export function clientOf(socket: TLSSocket, tls: ServerTls): TlsClient {
  if (tls.client_certificate === 'none') return { trusted: true, identity: undefined };
  const certificate = socket.getPeerCertificate() as Partial<DetailedPeerCertificate>;
  if (!certificate.raw)
    return tls.client_certificate === 'require'
      ? { trusted: false, why: 'it brought no certificate' }
      : { trusted: true, identity: undefined };
  if (!socket.authorized) return { trusted: false, why: untrusted(socket) };
  const name: unknown = certificate.subject?.CN; // a list where there are several, which name nobody
  return { trusted: true, identity: typeof name === 'string' && name !== '' ? name : undefined };
}

/** Why node did not trust a certificate. */
export const untrusted = (socket: TLSSocket): string =>
  `its certificate is not trusted: ${String(socket.authorizationError)}`;
