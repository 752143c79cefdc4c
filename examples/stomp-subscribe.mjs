// node examples/stomp-subscribe.mjs HOST:PORT DESTINATION [COUNT]
// Prints messages that arrive on a STOMP destination, and acknowledges each; ends after COUNT messages.
import stompit from 'stompit';

const [at, destination, count = '0'] = process.argv.slice(2);
const [host, port] = at.split(':');
let left = Number(count);

stompit.connect({ host, port: Number(port), connectHeaders: { host } }, (error, client) => {
  if (error) return fail(error);
  client.on('error', fail);
  client.subscribe({ destination, ack: 'client-individual' }, (error, message) => {
    if (error) return fail(error);
    message.readString('utf-8', (error, body) => {
      if (error) return fail(error);
      console.log(JSON.stringify({ ...message.headers, body }));
      client.ack(message);
      if (--left === 0) client.disconnect(() => process.exit(0));
    });
  });
  // The receipt of a later frame tells that the subscription stands.
  client
    .send(
      { destination: '/topic/examples.ready', receipt: 'ready' },
      { onReceipt: () => console.log(`waiting on ${destination}`) },
    )
    .end();
});

function fail(error) {
  console.error(error.message);
  process.exit(1);
}
