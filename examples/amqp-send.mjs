// node examples/amqp-send.mjs HOST:PORT ADDRESS BODY [NAME=VALUE ...]
// Sends one message to an AMQP 1.0 address and prints what became of it.
import rhea from 'rhea';

const [at, address, body, ...pairs] = process.argv.slice(2);
const [host, port] = at.split(':');
const properties = Object.fromEntries(pairs.map((pair) => pair.split('=')));

const connection = rhea.connect({ host, port: Number(port), username: 'anonymous', reconnect: false });
const sender = connection.open_sender(address);
connection.once('sendable', () =>
  sender.send({ body: rhea.message.data_section(Buffer.from(body)), application_properties: properties }),
);
for (const outcome of ['accepted', 'rejected', 'released', 'modified'])
  connection.on(outcome, ({ delivery }) => {
    const why = delivery.remote_state?.error?.description;
    console.log(why ? `${outcome}: ${why}` : outcome);
    process.exitCode = outcome === 'accepted' ? 0 : 1;
    connection.close();
  });
connection.on('sender_error', () => fail(sender.error));
connection.on('disconnected', ({ error }) => fail(error ?? 'disconnected'));

function fail(reason) {
  console.error(String(reason.description ?? reason.message ?? reason));
  process.exit(1);
}
