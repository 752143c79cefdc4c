import { z } from 'zod';
import { duration, listenerSettings, queueSettings, size } from '../../core/units.ts';
import { transportSettings } from '../../transport/listen-settings.ts';

export const listenerConfig = z.strictObject({
  ...listenerSettings,
  ...transportSettings('/stomp'),
  ...queueSettings,
  heart_beat: duration()
    .prefault('10s')
    .describe('How often heart-beats are sent and wanted at most, if the client agrees; 0s turns them off.'),
  connect_timeout: duration()
    .prefault('5s')
    .describe('How long a client may take to send its CONNECT frame.'),
  prefetch: z
    .int()
    .min(1)
    .max(65_535)
    .default(256)
    .describe(
      'Unacknowledged messages of one subscription with ack client or client-individual, unless SUBSCRIBE says otherwise in prefetch-count or activemq.prefetchSize.',
    ),
  send_buffer: size()
    .prefault('256KiB')
    .describe('Bytes that may wait for one client to read them before it is sent no more.'),
  window_size: size()
    .prefault('16MiB')
    .describe('Body bytes of unsettled messages of one client before it is made to wait.'),
  max_headers: z.int().min(8).default(128).describe('Headers of one frame.'),
  max_header_size: size().prefault('64KiB').describe('Command and headers of one frame together.'),
  max_subscriptions: z.int().min(1).default(1000).describe('Subscriptions of one connection.'),
  max_transactions: z.int().min(1).default(16).describe('Open transactions of one connection.'),
  max_transaction_frames: z.int().min(1).default(1000).describe('Frames held by one transaction.'),
});

export type ListenerConfig = z.output<typeof listenerConfig>;
