import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { hostPort } from '../core/units.ts';
import { serverTls, withoutCertificates, type ServerTls } from './server-tls.ts';

/**
 * Settings of every listener that say how its clients reach it, beside `listen`.
 * @param path of the WebSocket, unless the configuration has another
 */
export const transportSettings = (path: string) => ({
  tls: serverTls.optional().describe('Makes it take TLS, and nothing else.'),
  websocket: z
    .strictObject({
      listen: hostPort().describe('Where it listens for WebSocket connections, host:port.'),
      path: z.string().startsWith('/').default(path).describe('The path of the URL.'),
      tls: z
        .union([z.literal('none'), serverTls])
        .optional()
        .describe(
          'The same keys as in `tls` above, which holds here too unless this is given; `none`: no TLS.',
        ),
    })
    .optional()
    .describe('Also takes clients by WebSocket.'),
});

type Fields = ReturnType<typeof transportSettings>;

/** As the schema makes them. */
export type TransportSettings = { readonly [Key in keyof Fields]?: z.output<Fields[Key]> };

/** The TLS of the WebSocket port; undefined: none. */
export function webSocketTls({ tls, websocket }: TransportSettings): ServerTls | undefined {
  const chosen = websocket && (websocket.tls ?? tls);
  return chosen === 'none' ? undefined : chosen;
}

/**
 * Whether open ports can go on by other settings: where nothing but certificates, keys and authorities is different,
 * so that what was asked of those who are in is what is asked of those who come.
 */
export const renewable = (before: TransportSettings, after: TransportSettings): boolean =>
  isDeepStrictEqual(lasting(before), lasting(after));

function lasting(settings: TransportSettings): object {
  const { tls, websocket } = settings;
  const own = webSocketTls(settings);
  return {
    ...settings,
    tls: tls && withoutCertificates(tls),
    websocket: websocket && { ...websocket, tls: own && withoutCertificates(own) },
  };
}
