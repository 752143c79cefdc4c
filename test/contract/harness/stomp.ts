import stompit, { type Client } from 'stompit';
import stomp from '../../../src/protocols/stomp/index.ts';
import { until } from '../../helpers.ts';
import type { Answer, Inbox, ListenerHarness, Peer, PeerMessage } from '../contract.ts';
import { cleanup, listenerBench } from './listener-bench.ts';

/** What the protocol puts on a MESSAGE by itself. */
const own = new Set([
  'destination',
  'message-id',
  'JMSXGroupID',
  'subscription',
  'ack',
  'content-length',
  'content-type',
  'correlation-id',
  'reply-to',
  'redelivered',
  'persistent',
  'priority',
  'timestamp',
  'expires',
  'type',
  'receipt',
  'junction-hops',
  'junction-types',
  'x-junction-hops',
]);

export async function connectStomp(port: number, version: string): Promise<Peer> {
  const client = await new Promise<Client>((resolve, reject) => {
    const connectHeaders = { host: '/', 'accept-version': version, 'heart-beat': '0,0' };
    stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, connected) =>
      error ? reject(error) : resolve(connected),
    );
  });
  // stompit destroys the socket with the error that it also reports itself
  client.getTransportSocket().on('error', () => undefined);
  let ended = false;
  const failed = new Promise<Answer>((resolve) => {
    client.on('error', (error) => {
      ended = true;
      resolve(error.isApplicationError() ? 'refused' : 'closed');
    });
  });
  const close = cleanup(async () => {
    if (!ended) client.destroy();
    ended = true;
  });

  return {
    close,
    publish(address, message) {
      const headers: Record<string, string> = { destination: address };
      for (const [name, value] of message.headers ?? [])
        Object.defineProperty(headers, name, { value, enumerable: true });
      if (message.contentType !== undefined) headers['content-type'] = message.contentType;
      if (message.correlationId !== undefined) headers['correlation-id'] = message.correlationId;
      if (message.replyTo !== undefined) headers['reply-to'] = message.replyTo;
      headers['content-length'] = String(message.body.length);
      const receipt = new Promise<Answer>((resolve) => {
        client.send(headers, { onReceipt: () => resolve('accepted') }).end(message.body);
      });
      return Promise.race([receipt, failed]);
    },
    async subscribe(address, { hold } = {}): Promise<Inbox> {
      const messages: PeerMessage[] = [];
      const held: (() => void)[] = [];
      client.subscribe({ destination: address, ack: 'client-individual' }, (error, message) => {
        if (error) return;
        const chunks: Buffer[] = [];
        message.on('data', (chunk: Buffer) => chunks.push(chunk));
        message.on('end', () => {
          const headers = Object.entries(message.headers);
          const one = new Map(headers);
          messages.push({
            body: Buffer.concat(chunks),
            headers: headers.filter(([name]) => !own.has(name)),
            contentType: one.get('content-type'),
            correlationId: one.get('correlation-id'),
            replyTo: one.get('reply-to'),
          });
          if (hold) held.push(() => client.ack(message));
          else client.ack(message);
        });
      });
      // frames are handled in order: the receipt of a later one tells that the subscription stands
      let stands = false;
      client.send({ destination: '/topic/contract.ready' }, { onReceipt: () => (stands = true) }).end();
      await until(() => stands || ended, 'the subscription stands');
      return { messages, confirm: () => held.splice(0).forEach((confirm) => confirm()) };
    },
  };
}

export const stompHarness = (version: '1.0' | '1.1' | '1.2'): ListenerHarness => ({
  name: `the STOMP listener, with a ${version} client`,
  protocol: 'stomp',
  role: 'listener',
  traits: stomp.listener!.traits,
  skip: false,
  address: (word) => `/topic/${word}`,
  largest: 1024 * 1024,
  // STOMP 1.0 has no escapes, and stompit writes none for it
  peerLacks: version === '1.0' ? ['headers', 'replyTo'] : [],
  refusal: 'refused',
  malformed: Buffer.from('NONSENSE\nheader\n\n\0'),
  create: ({ window }) =>
    listenerBench(stomp, { listen: '127.0.0.1:0', window }, (port) => connectStomp(port, version)),
});
