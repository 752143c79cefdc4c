import { existsSync } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';

const page = 4096;

/** The store's file, and what a disk would have of it after a loss of power (power-loss.c). */
export class Disk {
  readonly file: string;
  readonly shadow: string;

  constructor(file: string, shadow: string) {
    this.file = file;
    this.shadow = shadow;
  }

  get environment(): NodeJS.ProcessEnv {
    return { FAULT_STORE: this.file, FAULT_SHADOW: this.shadow };
  }

  /** What the file is now counts as synced. */
  async settle(): Promise<void> {
    if (existsSync(this.file)) await copyFile(this.file, this.shadow);
  }

  /**
   * Takes back what was not synced when the gateway was killed. A disk may have written some pages all the same.
   * @returns how many pages were not synced
   */
  async losePower(keep: number, random: () => number): Promise<number> {
    if (!existsSync(this.shadow) || !existsSync(this.file)) return 0;
    const [written, synced] = [await open(this.file, 'r'), await open(this.shadow, 'r+')];
    let unsynced = 0;
    try {
      const [a, b] = [Buffer.alloc(page), Buffer.alloc(page)];
      const { size } = await written.stat();
      for (let at = 0; at < size; at += page) {
        const { bytesRead } = await written.read(a, 0, page, at);
        b.fill(0);
        await synced.read(b, 0, page, at);
        if (a.subarray(0, bytesRead).equals(b.subarray(0, bytesRead))) continue;
        unsynced++;
        // The first two pages say which transaction is the last one; they are written last, and synced.
        if (at >= 2 * page && random() < keep) await synced.write(a, 0, bytesRead, at);
      }
    } finally {
      await written.close();
      await synced.close();
    }
    await copyFile(this.shadow, this.file);
    return unsynced;
  }

  async size(): Promise<number> {
    return existsSync(this.file) ? (await stat(this.file)).size : 0;
  }
}
