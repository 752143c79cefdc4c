import { maxTransferBytes, writeContinuation, writeTransfer } from './frames/transfer.ts';
import type { FrameOutput } from './output.ts';
import { next } from './serial.ts';

/** A link, to what writes its transfers. */
interface TransferLink {
  readonly handle: number;
}

/** What transfers need of their session. */
export interface TransferSession {
  readonly channel: number;
  readonly connection: FrameOutput & {
    /** The largest frame that the peer takes. */
    readonly peerFrameSize: number;
  };
  /** There is room in the peer's window again. */
  onUnblocked(): void;
}

/** A message that the peer's window cut short. */
interface Unsent {
  readonly link: TransferLink;
  readonly id: number;
  readonly bytes: Buffer;
  readonly messageFormat: number;
  readonly settled: boolean;
  /** How much of it is written. */
  offset: number;
}

/** The outgoing half of a session: cuts messages into the peer's frame size, and keeps within its incoming window. */
export class TransferWriter {
  /** The transfer-id of the next frame (§2.5.6). */
  nextId = 0;
  readonly #session: TransferSession;
  #window: number;
  #nextDelivery = 0;
  #unsent: Unsent[] = [];

  /** @param window the peer's incoming-window */
  constructor(session: TransferSession, window: number) {
    this.#session = session;
    this.#window = window;
  }

  get blocked(): boolean {
    return this.#window === 0 || this.#unsent.length > 0;
  }

  nextDelivery(): number {
    const id = this.#nextDelivery;
    this.#nextDelivery = next(id);
    return id;
  }

  /** Called only while not blocked, so at most the message under way has to wait. */
  send(link: TransferLink, id: number, bytes: Buffer, messageFormat: number, settled: boolean): void {
    const offset = this.#write(link, id, bytes, 0, messageFormat, settled);
    if (offset >= 0) this.#unsent.push({ link, id, bytes, messageFormat, settled, offset });
  }

  /** The peer has told its window. */
  openWindow(window: number): void {
    const wasBlocked = this.blocked;
    this.#window = window;
    while (this.#unsent.length > 0) {
      const item = this.#unsent[0]!;
      const offset = this.#write(
        item.link,
        item.id,
        item.bytes,
        item.offset,
        item.messageFormat,
        item.settled,
      );
      if (offset >= 0) {
        item.offset = offset;
        return;
      }
      this.#unsent.shift();
    }
    if (wasBlocked && !this.blocked) this.#session.onUnblocked();
  }

  /** Writes frames until all is written (-1), or the window is shut (how far it came). */
  #write(
    link: TransferLink,
    id: number,
    bytes: Buffer,
    from: number,
    messageFormat: number,
    settled: boolean,
  ): number {
    const { connection, channel } = this.#session;
    const room = connection.peerFrameSize - 8 - maxTransferBytes;
    let offset = from;
    for (;;) {
      if (this.#window === 0) return offset;
      const left = bytes.length - offset;
      const more = left > room;
      const end = offset + (more ? room : left);
      const writer = connection.beginFrame(channel);
      if (offset === 0) writeTransfer(writer, link.handle, id, messageFormat, settled, more);
      else writeContinuation(writer, link.handle, settled, more);
      connection.output.endTransfer(bytes, offset, end);
      this.#window--;
      this.nextId = next(this.nextId);
      if (!more) return -1;
      offset = end;
    }
  }

  /** The link is ending: what of it is not written stays unwritten. */
  forget(link: TransferLink): void {
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.filter((item) => item.link !== link);
  }

  clear(): void {
    this.#unsent = [];
  }
}
