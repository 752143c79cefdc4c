// node examples/stomp-send.mjs HOST:PORT DESTINATION BODY [NAME=VALUE ...]
// Sends one message to a STOMP destination and waits for its receipt.
import stompit from 'stompit';

const [at, destination, body, ...pairs] = process.argv.slice(2);
const [host, port] = at.split(':');

stompit.connect({ host, port: Number(port), connectHeaders: { host } }, (error, client) => {
  if (error) return fail(error);
  client.on('error', fail);
  const headers = { destination, ...Object.fromEntries(pairs.map((pair) => pair.split('='))) };
  const frame = client.send(headers, {
    onReceipt: () => {
      console.log('receipt');
      client.disconnect(() => process.exit(0));
    },
  });
  frame.end(body);
});

function fail(error) {
  console.error(error.message);
  process.exit(1);
}
