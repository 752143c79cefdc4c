import type { Writer } from '../codec/writer.ts';
import type { AcceptOptions, AmqpError, Connection, Link, Terminus } from './api.ts';
import type { PeerAttach } from './frames/attach.ts';
import { writeAttach } from './frames/attach.ts';
import { writeDetach } from './frames/end.ts';
import type { LinkFlow } from './frames/flow.ts';

/**
 * `attaching`: the peer's attach awaits our answer; `open`; `detaching`: we have sent detach, the peer's is due and
 * what it sent before is to be ignored; `gone`.
 */
export type LinkState = 'attaching' | 'open' | 'detaching' | 'gone';

/** What a link of either direction needs of its session. */
export interface LinkSession {
  readonly connection: Connection;
  beginFrame(): Writer;
  endFrame(): void;
  /** Writes a flow about the session, and about a link where one is given. */
  writeFlow(link: LinkFlow | undefined): void;
  /** Writes the settlements gathered so far. */
  writePending(): void;
  /** Drops what concerns a link that is ending. */
  forget(link: LinkBase): void;
}

interface DetachListener {
  onDetach(error: AmqpError | undefined, closed: boolean): void;
}

/** What a terminus is of which nothing is said. */
export const noTerminus: Terminus = {
  address: undefined,
  durable: 'none',
  expiryPolicy: 'session-end',
  timeout: 0,
  dynamic: false,
  dynamicNodeProperties: undefined,
  distributionMode: undefined,
  filter: undefined,
  defaultOutcome: undefined,
  outcomes: [],
  capabilities: [],
};

/** What both directions share: the life of a link between attach and detach (§2.6). */
export abstract class LinkBase<Owner extends LinkSession = LinkSession> implements Link {
  readonly session: Owner;
  /** Ours; the peer's is `attach.handle`. */
  readonly handle: number;
  readonly attach: PeerAttach;
  state: LinkState = 'attaching';

  constructor(session: Owner, handle: number, attach: PeerAttach) {
    this.session = session;
    this.handle = handle;
    this.attach = attach;
  }

  protected abstract get listener(): DetachListener | undefined;

  /** Gives back what the link holds; called once it has ended. */
  protected abstract release(): void;

  get name(): string {
    return this.attach.name;
  }
  get connection(): Connection {
    return this.session.connection;
  }
  get source(): Terminus | undefined {
    return this.attach.source;
  }
  get target(): Terminus | undefined {
    return this.attach.target;
  }
  get senderSettleMode(): Link['senderSettleMode'] {
    return this.attach.senderSettleMode;
  }
  get receiverSettleMode(): Link['receiverSettleMode'] {
    return this.attach.receiverSettleMode;
  }
  get properties(): Link['properties'] {
    return this.attach.properties;
  }
  get offeredCapabilities(): readonly string[] {
    return this.attach.offeredCapabilities;
  }
  get desiredCapabilities(): readonly string[] {
    return this.attach.desiredCapabilities;
  }
  get open(): boolean {
    return this.state === 'open';
  }

  /** The peer has answered our attach. */
  protected established(): void {
    this.state = 'open';
  }

  /** Writes our attach; false where the link has ended meanwhile: its new owner hears of it. */
  protected answer(options: AcceptOptions & { handler: DetachListener }, maxMessageSize: number): boolean {
    if (this.state !== 'attaching') {
      options.handler.onDetach(undefined, true);
      return false;
    }
    const { source, target } = this.attach;
    this.state = 'open';
    this.#writeAttach(
      // A filter that is echoed is in force (§3.5.3), so it is not echoed unless the owner says so.
      source
        ? { ...source, filter: undefined, ...options.source }
        : options.source && { ...noTerminus, ...options.source },
      target && { ...target, ...options.target },
      options,
      maxMessageSize,
    );
    return true;
  }

  #writeAttach(
    source: Terminus | undefined,
    target: Terminus | undefined,
    options: AcceptOptions | undefined,
    maxMessageSize: number,
  ): void {
    const { attach } = this;
    writeAttach(this.session.beginFrame(), {
      name: attach.name,
      handle: this.handle,
      receiver: !attach.receiver,
      senderSettleMode: attach.senderSettleMode,
      // As receiver we always settle first, whatever the peer asked for; it may detach if it cannot live with that.
      receiverSettleMode: attach.receiver ? attach.receiverSettleMode : 'first',
      source,
      target,
      maxMessageSize,
      offeredCapabilities: options?.offeredCapabilities,
      properties: options?.properties,
    });
    this.session.endFrame();
  }

  refuse(error: AmqpError): void {
    if (this.state !== 'attaching') return;
    this.#writeAttach(undefined, undefined, undefined, 0);
    this.state = 'open';
    this.detach(error);
  }

  detach(error?: AmqpError, closed = true): void {
    if (this.state !== 'open') {
      if (this.state === 'attaching') this.refuse(error ?? { condition: 'amqp:resource-deleted' });
      return;
    }
    this.state = 'detaching';
    this.session.writePending();
    writeDetach(this.session.beginFrame(), this.handle, closed, error);
    this.session.endFrame();
    this.#end();
  }

  #end(): void {
    this.session.forget(this);
    this.release();
  }

  /** As `detach`, for an error of the peer: its owner hears of it. */
  fail(error: AmqpError): void {
    this.detach(error);
    this.listener?.onDetach(error, true);
  }

  /** The peer's detach has come; the session has taken the link off its tables. */
  peerDetached(error: AmqpError | undefined, closed: boolean): void {
    const before = this.state;
    this.state = 'gone';
    if (before === 'detaching') return;
    this.#end();
    if (before === 'attaching') this.#writeAttach(undefined, undefined, undefined, 0);
    writeDetach(this.session.beginFrame(), this.handle, closed, undefined);
    this.session.endFrame();
    if (before === 'open') this.listener?.onDetach(error, closed);
  }

  /** The session or connection has ended. */
  lost(error: AmqpError | undefined): void {
    const before = this.state;
    this.state = 'gone';
    this.release();
    if (before === 'open') this.listener?.onDetach(error, false);
  }
}
