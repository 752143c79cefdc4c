import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { protocols } from '../../src/protocols/index.ts';

const harnessFolder = new URL('./harness/', import.meta.url);

describe('every protocol', () => {
  it('is registered, under the name of its folder', async () => {
    const folders = readdirSync(new URL('../../src/protocols/', import.meta.url), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    assert.deepEqual(Object.keys(protocols).sort(), folders.sort());
    for (const [name, load] of Object.entries(protocols)) assert.equal((await load()).default.name, name);
  });

  it('has a harness of the contract suite for each of its roles', async () => {
    const declared = new Set<string>();
    for (const file of readdirSync(harnessFolder)) {
      const text = readFileSync(new URL(file, harnessFolder), 'utf8');
      const protocol = /protocol: '(\w+)'/.exec(text)?.[1];
      const role = /role: '(\w+)'/.exec(text)?.[1];
      if (protocol && role) declared.add(`${protocol} ${role}`);
    }
    for (const [name, load] of Object.entries(protocols)) {
      const { listener, client } = (await load()).default;
      if (listener) assert.ok(declared.has(`${name} listener`), `${name} has no harness as a listener`);
      if (client) assert.ok(declared.has(`${name} client`), `${name} has no harness as a client`);
    }
  });
});
