// npm run docs: writes the pages that are made from the code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { brokerPages } from './broker-pages.ts';
import { configurationPage } from './configuration-page.ts';
import { jsonSchemas } from './json-schemas.ts';
import { lossesPage } from './losses-page.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), await configurationPage());
writeFileSync(new URL('losses.md', docs), await lossesPage());
for (const [file, text] of await brokerPages()) writeFileSync(new URL(`brokers/${file}`, docs), text);

const schemas = new URL('../config/schema/', import.meta.url);
mkdirSync(schemas, { recursive: true });
for (const [file, text] of await jsonSchemas()) writeFileSync(new URL(file, schemas), text);
