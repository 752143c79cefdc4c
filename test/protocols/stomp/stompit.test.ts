import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import stompit, { type Client, type Message } from 'stompit';
import { accepted } from '../../../src/core/outcome.ts';
import { HeldIntake, listen, until } from './support.ts';

type Committer = Client & {
  begin(): {
    send(headers: Record<string, string>): NodeJS.WritableStream;
    commit(options: { onReceipt: () => void }): void;
  };
};

const connect = (port: number, version: string): Promise<Committer> =>
  new Promise((resolve, reject) =>
    stompit.connect(
      {
        host: '127.0.0.1',
        port,
        connectHeaders: { host: '/', 'accept-version': version, 'heart-beat': '1000,1000' },
      },
      (error, client) => (error ? reject(error) : resolve(client as Committer)),
    ),
  );

async function text(message: Message): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('stompit', { timeout: 30_000 }, () => {
  for (const version of ['1.0', '1.1', '1.2'])
    it(`sends, receives and acknowledges in ${version}`, async (t) => {
      const intake = new HeldIntake((address) => address === '/queue/routed', accepted);
      const { port } = await listen(t, {}, intake);
      const client = await connect(port, version);
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      t.after(() => client.destroy());
      const got: { message: Message; body: string }[] = [];
      client.subscribe({ destination: '/queue/a', ack: 'client-individual' }, (error, message) => {
        if (!error) void text(message).then((body) => got.push({ message, body }));
      });
      const value = version === '1.0' ? 'plain' : 'a:b\nc\\';
      let receipts = 0;
      const onReceipt = (): void => void receipts++;
      for (const body of ['one', 'zwei €'])
        client
          .send({ destination: '/queue/a', value, 'content-type': 'text/plain' }, { onReceipt })
          .end(body);
      await until(() => got.length === 2, 'two messages');
      assert.deepEqual(
        got.map(({ body, message: { headers } }) => [
          body,
          headers['value'],
          headers['content-type'],
          headers['destination'],
        ]),
        [
          ['one', value, 'text/plain', '/queue/a'],
          ['zwei €', value, 'text/plain', '/queue/a'],
        ],
      );
      assert.equal(receipts, 0);
      for (const { message } of got) client.ack(message);
      await until(() => receipts === 2, 'two receipts');

      const transaction = client.begin();
      transaction.send({ destination: '/queue/routed' }).end('held');
      let committed = false;
      transaction.commit({ onReceipt: () => (committed = true) });
      await until(() => committed, 'the commit');
      assert.deepEqual(intake.bodies(), ['held']);

      await new Promise<void>((resolve) => client.disconnect(() => resolve()));
      assert.deepEqual(errors, []);
    });
});
