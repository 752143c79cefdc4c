import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An authority of its own with one server and one client, as PEM texts and as the files that hold them. */
export interface Certificates {
  /** The authority that signed both. */
  readonly ca: string;
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly cert: string;
  readonly key: string;
  /** Of the client whose common name is `client`. */
  readonly clientCert: string;
  readonly clientKey: string;
  readonly folder: string;
  readonly files: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly clientCert: string;
    readonly clientKey: string;
  };
  /** Removes the folder, which otherwise goes when the process exits. */
  remove(): Promise<void>;
}

/** A broker's listeners with TLS. */
export interface ListenerTls {
  readonly certificates: Certificates;
  /** Refuses clients without a certificate; otherwise they may have one. */
  readonly requireClient?: boolean;
}

export interface CertificateOptions {
  /** The client's common name; `client` unless told. */
  readonly client?: string;
  /** The server's names and addresses, in openssl's words, e.g. `['DNS:elsewhere']`. */
  readonly server?: readonly string[];
}

/** Makes them with the `openssl` program, valid for two days; elliptic curve P-256, keys as unencrypted PKCS #8. */
export async function makeCertificates(options: CertificateOptions = {}): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-certificates-'));
  const sweep = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', sweep);
  const at = (name: string): string => join(folder, name);
  const names = options.server ?? ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'];
  await request(at('ca'), '.pem', 'Junction test authority', ['-x509', '-days', '2']);
  await sign('server', 'localhost', [`subjectAltName=${names.join(',')}`, 'extendedKeyUsage=serverAuth']);
  await sign('client', options.client ?? 'client', ['extendedKeyUsage=clientAuth']);
  const files = {
    ca: at('ca.pem'),
    cert: at('server.pem'),
    key: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  };
  const text = (file: string): Promise<string> => readFile(file, 'utf8');
  return {
    ca: await text(files.ca),
    cert: await text(files.cert),
    key: await text(files.key),
    clientCert: await text(files.clientCert),
    clientKey: await text(files.clientKey),
    folder,
    files,
    remove: async () => {
      process.off('exit', sweep);
      await rm(folder, { recursive: true, force: true });
    },
  };

  /** Writes `name.key` and `name.pem`, signed by the authority. */
  async function sign(name: string, commonName: string, extensions: readonly string[]): Promise<void> {
    await request(at(name), '.csr', commonName, []);
    const config = at(`${name}.ext`);
    await writeFile(config, ['basicConstraints=critical,CA:FALSE', ...extensions].join('\n'));
    await run('openssl', [
      ...[
        'x509',
        '-req',
        '-in',
        at(`${name}.csr`),
        '-out',
        at(`${name}.pem`),
        '-days',
        '2',
        '-extfile',
        config,
      ],
      ...['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ]);
  }
}

/** Makes a fresh key in `stem.key`, and a request for its certificate or, by `-x509`, the certificate itself. */
const request = (
  stem: string,
  suffix: '.csr' | '.pem',
  commonName: string,
  further: readonly string[],
): Promise<unknown> =>
  run('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
    ...['-subj', `/CN=${commonName}`, '-keyout', `${stem}.key`, '-out', `${stem}${suffix}`, ...further],
  ]);
