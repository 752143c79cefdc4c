import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import rhea, { type Container, type EventContext } from 'rhea';
import { message, until } from '../../helpers.ts';
import { openClient } from './client-support.ts';

const servers: { close(): void }[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

/** A broker that the test plays, by rhea. */
async function broker(play: (container: Container) => void): Promise<number> {
  const container = rhea.create_container({ id: 'broker' });
  for (const event of [
    'error',
    'disconnected',
    'protocol_error',
    'connection_error',
    'sender_error',
    'receiver_error',
  ])
    container.on(event, () => undefined);
  // rhea names neither terminus by itself, which would say that it refuses the link
  container.on('session_open', ({ session }: EventContext) => {
    const links = session as unknown as {
      observers: { on(name: string, does: (context: EventContext) => void): void };
    };
    links.observers.on('receiver_open', ({ receiver }) =>
      receiver!.set_target({ address: receiver!.target.address }),
    );
    links.observers.on('sender_open', ({ sender }) =>
      sender!.set_source({ address: sender!.source.address }),
    );
  });
  play(container);
  return listening(container.listen({ port: 0, host: '127.0.0.1' }));
}

const at = (port: number, over: object = {}): object => ({
  url: `amqp://127.0.0.1:${port}`,
  timeout: '1s',
  connect_timeout: '500ms',
  ...over,
});

describe('the AMQP 1.0 client and a broker that behaves badly', () => {
  const rubbish: Readonly<Record<string, (socket: Socket) => void>> = {
    'speaks HTTP': (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'closes at once': (socket) => socket.destroy(),
    'says nothing': () => undefined,
    'answers with a frame of 4 GiB': (socket) =>
      socket.write(Buffer.from('414d515003010000ffffffff02010000', 'hex')),
    'answers with an array of 4e9 nulls': (socket) =>
      socket.write(
        Buffer.concat([
          Buffer.from('414d515003010000', 'hex'),
          // sasl-mechanisms whose array claims 0xee6b2800 elements of null
          Buffer.from('0000001c020100000053', 'hex'),
          Buffer.from('40c00d01f000000006ee6b280040000000', 'hex'),
          Buffer.alloc(1),
        ]),
      ),
    'sends noise': (socket) => socket.write(Buffer.alloc(5000, 'AMQP')),
  };
  for (const [name, play] of Object.entries(rubbish))
    it(`is failing, with a reason and without haste, at one that ${name}`, async () => {
      let connections = 0;
      const port = await listening(
        createServer((socket) => {
          connections++;
          socket.resume();
          play(socket);
        }),
      );
      const client = await openClient(at(port), ['orders'], 'failing');
      assert.ok(client.endpoint.status().reason);
      await assert.rejects(client.endpoint.sink.send(message('a'), 'orders'), { code: 'unavailable' });
      assert.ok(connections < 10, `${connections} connections in about a second`);
      await client.endpoint.close();
      assert.equal(client.endpoint.status().state, 'closed');
    });

  it('gives up a broker that does not answer an attach', async () => {
    const port = await broker((container) => {
      container.on('session_open', ({ session }: EventContext) => {
        (session as unknown as { on_attach: () => void }).on_attach = () => undefined;
      });
    });
    const client = await openClient(at(port), ['orders'], 'any');
    await until(() => client.endpoint.status().reason?.includes('attach') === true, 'it is failing for that');
  });

  it('gives up a broker that falls silent', async () => {
    let own: { socket: Socket; heartbeat_out: NodeJS.Timeout } | undefined;
    const port = await broker((container) => {
      container.on('connection_open', ({ connection }: EventContext) => {
        own ??= connection as unknown as typeof own;
      });
    });
    const client = await openClient(at(port, { idle_timeout: '1s' }));
    own!.socket.pause();
    own!.socket.write = () => true; // its heartbeats go nowhere
    await until(() => client.endpoint.status().state === 'failing', 'it is failing');
    assert.match(client.endpoint.status().reason!, /idle/);
    own!.socket.destroy();
    clearTimeout(own!.heartbeat_out); // rhea does not see the end of a socket that is not read
  });

  it('tells by its error what the broker says to a message, and settles each on its own', async () => {
    const port = await broker((container) => {
      container.options.autoaccept = false;
      container.on('message', ({ message: got, delivery }: EventContext) => {
        const said = String((got!.body as { content: Buffer }).content);
        if (said === 'accept') delivery!.accept();
        else if (said === 'release') delivery!.release();
        else if (said === 'undeliverable')
          delivery!.modified({ delivery_failed: true, undeliverable_here: true });
        else delivery!.reject({ condition: said, description: 'so it is' });
        (
          delivery as unknown as { link: { session: { incoming: { process(s: object): void } } } }
        ).link.session.incoming.process((delivery as unknown as { link: { session: object } }).link.session);
      });
    });
    const client = await openClient(at(port));
    const answers = {
      accept: 'taken',
      'amqp:not-found': 'no-route',
      'amqp:unauthorized-access': 'not-authorized',
      'amqp:resource-limit-exceeded': 'busy',
      'amqp:link:message-size-exceeded': 'too-large',
      'amqp:internal-error': 'refused',
      release: 'busy',
      undeliverable: 'busy',
    };
    const got = await Promise.all(
      Object.keys(answers).map((word) =>
        client.endpoint.sink.send(message('a', word), 'orders').then(
          () => 'taken',
          (error: unknown) => (error as { code: string }).code,
        ),
      ),
    );
    assert.deepEqual(got, Object.values(answers));
  });

  it('waits for credit no longer than its time-out, and one address not for another', async () => {
    const port = await broker((container) => {
      container.options.receiver_options = { credit_window: 0 };
      container.on('receiver_open', ({ receiver }: EventContext) => {
        if (receiver!.target.address === 'open') receiver!.add_credit(10);
      });
    });
    const client = await openClient(at(port));
    const starving = client.endpoint.sink.send(message('a'), 'starving');
    await client.endpoint.sink.send(message('a'), 'open');
    await assert.rejects(starving, { code: 'unavailable' });
  });

  it('attaches again when the broker ends a link, and says why it cannot receive', async () => {
    let ended = 0;
    const port = await broker((container) => {
      container.on('sender_open', ({ sender }: EventContext) => {
        if (ended++ < 2) sender!.close({ condition: 'amqp:resource-deleted', description: 'gone for now' });
        else sender!.send({ body: rhea.message.data_section(Buffer.from('at last')) as unknown });
      });
    });
    const client = await openClient(at(port), ['orders'], 'any');
    await until(() => client.endpoint.status().reason?.includes('gone for now') === true, 'it says why');
    await until(() => client.texts().length === 1, 'the message has come');
    assert.equal(client.endpoint.status().state, 'ready');
  });

  it('does not take messages that a selector should have kept away', async () => {
    const port = await broker((container) => {
      container.on('sender_open', ({ sender }: EventContext) => {
        sender!.send({ body: rhea.message.data_section(Buffer.from('any')) as unknown });
      });
    });
    const client = await openClient(at(port, { selector: "colour = 'red'" }), ['painted'], 'failing');
    assert.match(client.endpoint.status().reason!, /selector/);
    assert.deepEqual(client.texts(), []);
  });

  it('keeps no more links than it may, and gives up the one unused for longest', async () => {
    let open = 0;
    let most = 0;
    const port = await broker((container) => {
      container.on('receiver_open', () => void (most = Math.max(most, ++open)));
      container.on('receiver_close', () => void open--);
    });
    const client = await openClient(at(port, { max_links: 3 }));
    for (let n = 0; n < 12; n++) await client.endpoint.sink.send(message('a'), `queue.${n}`);
    assert.ok(most <= 4, `${most} links at one time`); // its answer to the last detach may be on its way
    const crowd = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) => client.endpoint.sink.send(message('a'), `crowd.${n}`)),
    );
    assert.equal(crowd.filter(({ status }) => status === 'rejected').length, 2);
  });
});
