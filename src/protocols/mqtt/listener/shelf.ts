import type { Round } from '../../../broker/topic.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted, failed } from '../../../core/outcome.ts';
import type { KeptMessage, KeptQueue, Place } from '../../../core/storage.ts';
import type { Publication } from '../codec/publication.ts';
import type { Grant } from './grant.ts';
import { fromStored, noteOf, toStored } from './stored-message.ts';

/** How much is taken from the disk at a time. */
const page = { messages: 64, bytes: 256 * 1024 };

/** A message in memory that may be on the disk as well. */
export interface Held {
  publication: Publication;
  /** Who waits for it; undefined once nobody does. */
  round: Round | undefined;
  /** Its place in the order of the shelf, taken when it came; 0 where there is no shelf. */
  readonly sequence: number;
  /** Where it is on the disk; undefined while it is not, or not yet. */
  place: Place | undefined;
  /** It is on its way there. */
  keeping: boolean;
  /** It is not needed any more. */
  done: boolean;
}

/** The room that all shelves of a listener share, and what they do when there is none or the disk fails. */
export interface Room {
  /** Bytes on the disk that a further message must find free; it may go over the bound with one message each. */
  readonly full: boolean;
  took(bytes: number): void;
  /** Follows what is written, so that `close` can wait for it. Never rejects. */
  follow(work: Promise<unknown>): void;
}

/** Taken from the disk again. */
export interface Shelved {
  readonly publication: Publication;
  readonly grant: Grant | null;
  readonly place: Place;
}

/**
 * The messages of one session or shared subscription on the disk: copies of what is in memory and not acknowledged in
 * time, and behind these what is *only* here, to be taken into memory when there is room. All are in the order in which
 * they came, since each has its place before it is decided whether it is written at all.
 */
export class Shelf {
  readonly #queue: KeptQueue;
  readonly #room: Room;
  readonly #onStored: () => void;
  /** All up to here is in memory, or settled. */
  #cursor = 0;
  /** How many are on the disk only, or on their way there. */
  #behind: number;
  #onTheirWay = 0;

  /** @param onStored called when there may be something to take */
  constructor(queue: KeptQueue, room: Room, onStored: () => void) {
    this.#queue = queue;
    this.#room = room;
    this.#onStored = onStored;
    this.#behind = queue.messages;
  }

  /** How many messages wait here and nowhere else; while there are any, others must wait behind them. */
  get behind(): number {
    return this.#behind;
  }

  /** A place for a message that stays in memory for now. */
  reserve(): number {
    return (this.#cursor = this.#queue.reserve());
  }

  /**
   * Writes a message that stays in memory; who waits for it is answered once it is on the disk. Without room, the
   * message stays in memory alone and is refused for the time being.
   */
  keep(held: Held, grant: Grant | null): void {
    if (held.keeping || held.done) return;
    if (held.place) return answer(held, accepted);
    if (this.#room.full) return answer(held, noRoom());
    held.keeping = true;
    const work = this.#append(held.publication, grant, held.sequence).then(
      (place) => {
        held.keeping = false;
        held.place = place;
        if (held.done) this.#remove(place);
        else answer(held, accepted);
      },
      (error: unknown) => {
        held.keeping = false;
        answer(held, failed(error));
      },
    );
    this.#room.follow(work);
  }

  /** A message in memory is settled, or has gone elsewhere: it is not kept here any more. */
  settle(held: Held): void {
    if (held.done) return;
    held.done = true;
    if (held.place) this.#remove(held.place);
  }

  /** Puts a message behind all others; who waits for it is answered once it is on the disk, or at once without room. */
  add(publication: Publication, grant: Grant | null, round: Round | undefined): void {
    if (this.#room.full) return round?.answer(noRoom());
    this.#behind++;
    this.#onTheirWay++;
    const work = this.#append(publication, grant).then(
      () => {
        this.#onTheirWay--;
        round?.answer(accepted);
        this.#onStored();
      },
      (error: unknown) => {
        this.#onTheirWay--;
        this.#behind--;
        round?.answer(failed(error));
      },
    );
    this.#room.follow(work);
  }

  /** The next ones, which are in memory from now on; empty while those that are there are not yet on the disk. */
  take(): Shelved[] {
    if (this.#behind === 0) return [];
    const found = this.#read();
    this.#behind -= found.length;
    // What could not be read was set aside by the store.
    if (found.length === 0 && this.#onTheirWay === 0) this.#behind = 0;
    if (found.length > 0) this.#cursor = found.at(-1)!.sequence;
    return found.map(shelved);
  }

  /** One that was in memory before a restart: nothing up to it waits. Undefined where it is not there. */
  retake(sequence: number): Shelved | undefined {
    this.#cursor = Math.max(this.#cursor, sequence);
    const found = this.#queue.get(sequence);
    if (!found) return undefined;
    this.#behind--;
    return shelved(found);
  }

  /** A store that has failed gives nothing; the gateway says so, and is not ready. */
  #read(): KeptMessage[] {
    try {
      return this.#queue.read(this.#cursor, page.messages, page.bytes);
    } catch {
      return [];
    }
  }

  #append(publication: Publication, grant: Grant | null, sequence?: number): Promise<Place> {
    this.#room.took(publication.message.payload.length);
    return this.#queue.append(toStored(publication), noteOf(publication, grant), sequence);
  }

  #remove(place: Place): void {
    this.#room.follow(this.#queue.remove(place));
  }
}

function answer(held: Held, outcome: Parameters<Round['answer']>[0]): void {
  held.round?.answer(outcome);
  held.round = undefined;
}

function shelved(kept: KeptMessage): Shelved {
  const { sequence, bytes } = kept;
  return { ...fromStored(kept, Date.now()), place: { sequence, bytes } };
}

const noRoom = (): { state: 'released'; error: JunctionError } => ({
  state: 'released',
  error: new JunctionError(
    'busy',
    'the sessions of this listener keep as many bytes on the disk as they may',
  ),
});
