import { connect, type Socket } from 'node:net';
import * as amqp from './amqp-frames.ts';
import { now } from './clock.ts';
import { framed } from './frames.ts';
import type { ReceiverSpec } from './messages.ts';
import type { Tally } from './tally.ts';

const window = 65_535;

/**
 * An AMQP 1.0 receiver that reads no more of a transfer than it needs: the delivery id, whether it is settled, and
 * the data section. It accepts all deliveries of one read by one disposition per unbroken range, and renews the
 * credit when half of it is used.
 */
export async function receiveAmqp(
  spec: ReceiverSpec,
  lane: number,
  tally: Tally,
  lost: (error: Error) => void,
): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: spec.port, noDelay: true });
  socket.on('error', lost);
  socket.on('close', () => lost(new Error('the peer closed the AMQP receiver')));
  await new Promise<void>((resolve) => {
    const receiver = new Receiver(spec, lane, tally, socket, resolve);
    socket.on('data', (chunk: Buffer) => receiver.read(chunk));
    socket.write(amqp.header.sasl);
  });
}

class Receiver {
  readonly read: (chunk: Buffer) => void;
  readonly #spec: ReceiverSpec;
  readonly #lane: number;
  readonly #tally: Tally;
  readonly #socket: Socket;
  readonly #ready: () => void;
  readonly #performative: amqp.Performative = { code: 0, fields: 0, count: 0, end: 0 };
  #arrived = 0;
  #nextIncoming = 0;
  #deliveries = 0;
  #sinceFlow = 0;
  /** The unbroken range of deliveries to accept, empty where first < 0. */
  #first = -1;
  #last = -1;

  constructor(spec: ReceiverSpec, lane: number, tally: Tally, socket: Socket, ready: () => void) {
    this.#spec = spec;
    this.#lane = lane;
    this.#tally = tally;
    this.#socket = socket;
    this.#ready = ready;
    const cut = framed(
      (bytes, start) => this.#take(bytes, start),
      () => this.#settle(),
    );
    this.read = (chunk) => {
      this.#arrived = now();
      socket.cork();
      cut(chunk);
      socket.uncork();
    };
  }

  #take(bytes: Buffer, start: number): number {
    if (bytes.length - start < 8) return -1;
    const size = bytes.readUInt32BE(start);
    if (size === 0x414d5150) {
      if (bytes[start + 4] === 0) this.#open(); // the AMQP header that follows SASL; the SASL header needs no answer
      return start + 8;
    }
    if (bytes.length - start < size) return -1;
    const at = start + bytes[start + 4]! * 4;
    if (at < start + size) this.#perform(bytes, at, start + size);
    return start + size;
  }

  #perform(bytes: Buffer, at: number, end: number): void {
    const performative = amqp.readPerformative(bytes, at, this.#performative);
    switch (performative.code) {
      case amqp.code.transfer:
        return this.#transfer(bytes, performative, end);
      case amqp.code.mechanisms:
        this.#socket.write(amqp.frame(amqp.described(amqp.code.init, amqp.symbol('ANONYMOUS')), 1));
        return;
      case amqp.code.outcome:
        if (amqp.readUint(bytes, performative.fields) !== 0) throw new Error('SASL ANONYMOUS was refused');
        this.#socket.write(amqp.header.amqp);
        return;
      case amqp.code.begin:
        // remote-channel, next-outgoing-id
        this.#nextIncoming = amqp.readUint(bytes, amqp.skip(bytes, performative.fields))!;
        return;
      case amqp.code.attach:
        this.#flow();
        return this.#ready();
      case amqp.code.open:
      case amqp.code.flow:
        return;
      default:
        throw new Error(
          `unexpected AMQP performative 0x${performative.code.toString(16)}: ${bytes.toString('latin1', at, end)}`,
        );
    }
  }

  #open(): void {
    const { address } = this.#spec;
    const { code, described, frame, nothing, string, uint, ubyte, ushort, yes } = amqp;
    const name = `bench-sink-${process.pid}-${this.#lane}`;
    const source = described(code.source, string(address.replaceAll('{n}', String(this.#lane))));
    this.#socket.write(
      Buffer.concat([
        frame(described(code.open, string(name), string('localhost'), uint(65_536), ushort(0))),
        frame(described(code.begin, nothing, uint(0), uint(window), uint(window), uint(0))),
        frame(
          // name, handle, role receiver, snd-settle-mode mixed, rcv-settle-mode first, source, target
          described(
            code.attach,
            string(name),
            uint(0),
            yes,
            ubyte(2),
            ubyte(0),
            source,
            described(code.target),
          ),
        ),
      ]),
    );
    // An empty frame keeps a peer's idle time-out away (§2.4.5).
    setInterval(() => this.#socket.write(frame(Buffer.alloc(0))), 5000);
  }

  #transfer(bytes: Buffer, transfer: amqp.Performative, end: number): void {
    this.#nextIncoming = (this.#nextIncoming + 1) >>> 0;
    const { count } = transfer;
    // handle, delivery-id, delivery-tag, message-format, settled, more
    let at = amqp.skip(bytes, transfer.fields);
    const delivery = amqp.readUint(bytes, at)!;
    at = amqp.skip(bytes, amqp.skip(bytes, at));
    let settled = false;
    if (count > 4) {
      at = amqp.skip(bytes, at);
      settled = amqp.isTrue(bytes, at);
      if (count > 5 && amqp.isTrue(bytes, amqp.skip(bytes, at)))
        throw new Error('the peer divided a message into several transfers');
    }
    this.#body(bytes, transfer.end, end);
    this.#deliveries++;
    this.#sinceFlow++;
    if (!settled) {
      if (this.#first >= 0 && delivery !== this.#last + 1) this.#settle();
      if (this.#first < 0) this.#first = delivery;
      this.#last = delivery;
    }
    if (this.#sinceFlow >= this.#spec.credit / 2) this.#flow();
  }

  /** Finds the data section (§3.2.6) among the sections of a message. */
  #body(bytes: Buffer, at: number, end: number): void {
    while (at < end) {
      const section = bytes[at + 2]!;
      const value = at + 3;
      if (bytes[at + 1] === 0x53 && section === amqp.code.data) {
        const head = bytes[value] === 0xa0 ? 2 : 5;
        return this.#tally.record(bytes, value + head, amqp.skip(bytes, value), this.#arrived);
      }
      at = amqp.skip(bytes, at);
    }
    this.#tally.foreign++;
  }

  #settle(): void {
    if (this.#first < 0) return;
    const { code, described, frame, uint, yes, acceptedState } = amqp;
    this.#socket.write(
      frame(described(code.disposition, yes, uint(this.#first), uint(this.#last), yes, acceptedState)),
    );
    this.#first = -1;
  }

  #flow(): void {
    const { code, described, frame, uint } = amqp;
    this.#sinceFlow = 0;
    this.#socket.write(
      frame(
        // next-incoming-id, incoming-window, next-outgoing-id, outgoing-window, handle, delivery-count, link-credit
        described(
          code.flow,
          uint(this.#nextIncoming),
          uint(window),
          uint(0),
          uint(window),
          uint(0),
          uint(this.#deliveries),
          uint(this.#spec.credit),
        ),
      ),
    );
  }
}
