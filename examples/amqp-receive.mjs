// node examples/amqp-receive.mjs HOST:PORT ADDRESS [COUNT]
// Prints messages that arrive on an AMQP 1.0 address, and settles each; ends after COUNT messages.
import rhea from 'rhea';

const [at, address, count = '0'] = process.argv.slice(2);
const [host, port] = at.split(':');
let left = Number(count);

const connection = rhea.connect({ host, port: Number(port), username: 'anonymous', reconnect: false });
connection.open_receiver({ source: address, credit_window: 10 });
connection.on('receiver_open', () => console.log(`waiting on ${address}`));
connection.on('message', ({ message }) => {
  const body = message.body?.content ?? message.body ?? '';
  console.log(
    JSON.stringify({
      to: message.to,
      body: body.toString(),
      content_type: message.content_type,
      correlation_id: message.correlation_id?.toString(),
      properties: message.application_properties,
    }),
  );
  if (--left === 0) connection.close();
});
connection.on('receiver_error', ({ receiver }) => fail(receiver.error));
connection.on('disconnected', ({ error }) => fail(error ?? 'disconnected'));

function fail(reason) {
  console.error(String(reason.description ?? reason.message ?? reason));
  process.exit(1);
}
