import assert from 'node:assert/strict';
import { once } from 'node:events';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import rhea, { type Connection, type EventContext, type Message, type ReceiverOptions } from 'rhea';
import stompit, { type Client } from 'stompit';

/** What an independent client asks and answers, the same in each protocol: text, and text or bytes as correlation. */
export interface Peer {
  /** Asks at an address; resolves with the answers' texts as they come. */
  ask(address: string, requests: readonly Asked[]): Promise<AsyncIterator<Answered>>;
  /** Answers every request that comes to an address with `re: ` before its text; resolves once it listens. */
  serve(address: string, options?: Serving): Promise<void>;
  close(): Promise<void> | void;
}

export interface Asked {
  readonly text: string;
  readonly correlation?: string | Buffer;
  readonly id?: string;
}

export interface Answered {
  readonly text: string;
  readonly correlation: string | Buffer | undefined;
}

export interface Serving {
  /** Whether the answer's correlation is the request's message id, as many JMS services have it. */
  readonly byMessageId?: boolean;
  /** How often each request is answered. */
  readonly times?: number;
  /** Is told of each request. */
  readonly seen?: (request: { replyTo: string | undefined; correlation: unknown; id: unknown }) => void;
}

/** Hands things on one after the other. */
export class Stream<Item> implements AsyncIterator<Item> {
  readonly #items: Item[] = [];
  readonly #wanted: ((item: IteratorResult<Item>) => void)[] = [];

  readonly push = (value: Item): void => {
    const wanted = this.#wanted.shift();
    if (wanted) wanted({ value, done: false });
    else this.#items.push(value);
  };

  next(): Promise<IteratorResult<Item>> {
    const value = this.#items.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    return new Promise((resolve) => this.#wanted.push(resolve));
  }
}

/** Asks thrice, and sees that each answer comes with the correlation of its request. */
export async function assertAnswered(peer: Peer, address: string, label: string): Promise<void> {
  const texts = ['a', 'b', 'c'];
  const requests = texts.map((text) => ({ text, correlation: `${label}-${text}` }));
  const answers = await peer.ask(address, requests);
  const got: string[] = [];
  while (got.length < texts.length) {
    const { text, correlation } = (await answers.next()).value as Answered;
    got.push(`${text} ${String(correlation)}`);
  }
  assert.deepEqual(
    got.sort(),
    texts.map((text) => `re: ${text} ${label}-${text}`),
    label,
  );
}

const mqttText = (correlation: Buffer | undefined): string | undefined => correlation?.toString();

/** @param responses the topic that this client has its answers sent to */
export async function mqttPeer(port: number, responses: string): Promise<Peer> {
  const client: MqttClient = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
  return {
    ask: async (address, requests) => {
      const answers = new Stream<Answered>();
      client.on('message', (topic, payload, { properties }: IPublishPacket) => {
        if (topic === responses)
          answers.push({ text: payload.toString(), correlation: properties?.correlationData });
      });
      await client.subscribeAsync(responses, { qos: 1 });
      for (const { text, correlation, id } of requests)
        await client.publishAsync(address, text, {
          qos: 1,
          properties: {
            responseTopic: responses,
            ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
            ...(id !== undefined && { userProperties: { 'message-id': id } }),
          },
        });
      return answers;
    },
    serve: async (address, { byMessageId = false, times = 1, seen } = {}) => {
      client.on('message', (topic, payload, { properties }: IPublishPacket) => {
        if (topic !== address || properties?.responseTopic === undefined) return;
        const { responseTopic, correlationData } = properties;
        const id = properties.userProperties?.['message-id'] as string | undefined;
        seen?.({ replyTo: responseTopic, correlation: mqttText(correlationData), id });
        for (let n = 0; n < times; n++)
          client.publish(responseTopic, `re: ${payload.toString()}`, {
            qos: 1,
            properties: { correlationData: byMessageId ? Buffer.from(id!) : correlationData! },
          });
      });
      await client.subscribeAsync(address, { qos: 1 });
    },
    close: () => client.endAsync(true),
  };
}

const amqpText = ({ body }: Message): string =>
  typeof body === 'string' ? body : (body as { content: Buffer }).content.toString();

/** A requester by a dynamic node (AMQP 1.0 §3.5.3), as JMS has temporary queues. */
export async function amqpPeer(
  port: number,
  login: { username?: string; password?: string } = {},
): Promise<Peer & { readonly connection: Connection }> {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', port, reconnect: false, ...login });
  connection.on('error', () => undefined);
  connection.on('disconnected', () => undefined);
  await once(connection, 'connection_open');
  const receiver = async (options: ReceiverOptions | string) => {
    const made = connection.open_receiver(options);
    await once(made, 'receiver_open');
    return made;
  };
  return {
    connection,
    ask: async (address, requests) => {
      const answers = new Stream<Answered>();
      const own = await receiver({ source: { address: '', dynamic: true } });
      own.on('message', ({ message }: EventContext) =>
        answers.push({
          text: amqpText(message!),
          correlation: message!.correlation_id as string | Buffer | undefined,
        }),
      );
      const sender = connection.open_sender(address);
      await once(sender, 'sendable');
      for (const { text, correlation, id } of requests)
        sender.send({
          body: text,
          reply_to: own.source.address,
          ...(correlation !== undefined && { correlation_id: correlation as string }),
          ...(id !== undefined && { message_id: id }),
        });
      return answers;
    },
    serve: async (address, { byMessageId = false, times = 1, seen } = {}) => {
      const requests = await receiver(address);
      const answering = connection.open_sender({ target: {} }); // the anonymous terminus
      requests.on('message', ({ message }: EventContext) => {
        const { reply_to, correlation_id, message_id } = message!;
        seen?.({ replyTo: reply_to, correlation: correlation_id, id: message_id });
        if (reply_to === undefined) return;
        for (let n = 0; n < times; n++)
          answering.send({
            to: reply_to,
            body: `re: ${amqpText(message!)}`,
            correlation_id: (byMessageId ? message_id : correlation_id) as string,
          });
      });
    },
    close: () => {
      connection.close();
    },
  };
}

const read = (message: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    message.on('data', (chunk: Buffer) => (text += chunk.toString()));
    message.on('end', () => resolve(text));
  });

export const stompClient = (port: number): Promise<Client> =>
  new Promise((resolve, reject) => {
    const connectHeaders = { host: '/', 'accept-version': '1.2', 'heart-beat': '0,0' };
    stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, client) => {
      if (error) return reject(error);
      client.getTransportSocket().on('error', () => undefined);
      client.on('error', () => undefined);
      resolve(client);
    });
  });

/** A requester by `/temp-queue/…`. */
export async function stompPeer(port: number): Promise<Peer> {
  const client = await stompClient(port);
  const listen = (
    destination: string,
    got: (headers: Record<string, string>, text: string) => void,
  ): void => {
    client.subscribe({ destination, ack: 'client-individual' }, (error, message) => {
      if (error || !message) return;
      const headers = message.headers as Record<string, string>;
      void read(message).then((text) => {
        got(headers, text);
        client.ack(message);
      });
    });
  };
  return {
    ask: (address, requests) => {
      const answers = new Stream<Answered>();
      listen('/temp-queue/answers', (headers, text) =>
        answers.push({ text, correlation: headers['correlation-id'] }),
      );
      for (const { text, correlation, id } of requests) {
        const frame = client.send({
          destination: address,
          'reply-to': '/temp-queue/answers',
          ...(correlation !== undefined && { 'correlation-id': correlation.toString() }),
          ...(id !== undefined && { 'message-id': id }),
        });
        frame.end(text);
      }
      return Promise.resolve(answers);
    },
    serve: (address, { byMessageId = false, times = 1, seen } = {}) => {
      listen(address, (headers, text) => {
        const replyTo = headers['reply-to'];
        const correlation = headers['correlation-id']!;
        const id = headers['message-id']!;
        seen?.({ replyTo, correlation, id });
        if (replyTo === undefined) return;
        for (let n = 0; n < times; n++)
          client
            .send({ destination: replyTo, 'correlation-id': byMessageId ? id : correlation })
            .end(`re: ${text}`);
      });
      return Promise.resolve();
    },
    close: () => client.destroy(),
  };
}
