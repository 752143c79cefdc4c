// npm run docs: writes the pages that are made from the code.
import { writeFileSync } from 'node:fs';
import { brokerPages } from './broker-pages.ts';
import { configurationPage } from './configuration-page.ts';
import { lossesPage } from './losses-page.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), await configurationPage());
writeFileSync(new URL('losses.md', docs), await lossesPage());
for (const [file, text] of await brokerPages()) writeFileSync(new URL(`brokers/${file}`, docs), text);
