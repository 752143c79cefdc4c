import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { configurationPage } from '../scripts/configuration-page.ts';

it('docs/configuration.md is what the schemas say (npm run docs makes it)', async () => {
  assert.equal(
    readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8'),
    await configurationPage(),
  );
});
