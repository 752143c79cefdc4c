/** The admin interface of the gateway in a run. */
export class Admin {
  readonly #base: string;

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`;
  }

  /** What /readyz says; undefined where nobody answers. */
  async status(): Promise<{ ready: boolean; store?: string; text: string } | undefined> {
    try {
      const response = await fetch(`${this.#base}/readyz`, { signal: AbortSignal.timeout(2000) });
      const text = await response.text();
      const { store } = JSON.parse(text) as { store?: { state: string } };
      return { ready: response.ok, text, ...(store && { store: store.state }) };
    } catch {
      return undefined;
    }
  }

  /** Those whose ids are not known yet, each with the address that did not take it and its body. */
  async deadLetters(
    known: ReadonlySet<string>,
  ): Promise<{ readonly id: string; readonly address: string; readonly body: string }[]> {
    const found: { id: string; address: string; body: string }[] = [];
    let after: string | undefined;
    do {
      const page = await this.#json<{ letters: { id: string; address: string }[]; next?: string }>(
        'GET',
        `/dead-letters?limit=1000${after === undefined ? '' : `&after=${after}`}`,
      );
      for (const { id, address } of page.letters) {
        if (known.has(id)) continue;
        const letter = await this.#json<{ message: { body: { text: string } } }>(
          'GET',
          `/dead-letters/${id}`,
        );
        found.push({ id, address, body: letter.message.body.text });
      }
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  /** Sends all dead letters again. @returns how many were, and how many failed again */
  async replay(): Promise<{ replayed: number; failed: number }> {
    let [replayed, failed] = [0, 0];
    let after: string | undefined;
    do {
      const page = await this.#json<{ replayed: number; failed: object[]; stopped?: string; next?: string }>(
        'POST',
        `/dead-letters/replay?all=true${after === undefined ? '' : `&after=${after}`}`,
      );
      replayed += page.replayed;
      failed += page.failed.length + (page.stopped === undefined ? 0 : 1);
      after = page.next;
    } while (after !== undefined);
    return { replayed, failed };
  }

  async #json<Answer>(method: string, path: string): Promise<Answer> {
    const response = await fetch(this.#base + path, { method });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}
