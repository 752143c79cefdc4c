import { z } from 'zod';
import { hostPort } from '../core/units.ts';
import { serverTls } from './server-tls.ts';

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
