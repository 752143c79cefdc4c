import { errorName, kafkaErrors } from '../wire/error-codes.ts';
import { initProducerId, type Identity } from '../wire/requests.ts';
import type { Cluster } from './cluster.ts';

/** What brokers say when they forbid sequences, or do not know them. */
const advice = 'grant our user IDEMPOTENT_WRITE on the cluster, or set idempotent: false';

/** Gets the identities under which we write. One serves all partitions until one of them is in doubt about its numbers. */
export class Identities {
  readonly #cluster: Cluster;
  #current: Identity | undefined;
  #asking: Promise<Identity> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get current(): Identity | undefined {
    return this.#current;
  }

  get asking(): boolean {
    return this.#asking !== undefined;
  }

  /** Asks for another one. @throws Error where there is none */
  renew(): Promise<Identity> {
    return (this.#asking ??= this.#ask().finally(() => (this.#asking = undefined)));
  }

  async #ask(): Promise<Identity> {
    const { error, identity } = await this.#cluster.ask(initProducerId);
    if (error === kafkaErrors.NONE) return (this.#current = identity);
    const why = `the brokers give us no producer id: ${errorName(error)}`;
    throw new Error(error === kafkaErrors.CLUSTER_AUTHORIZATION_FAILED ? `${why}; ${advice}` : why);
  }
}
