import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { brokerPages } from '../scripts/broker-pages.ts';
import { configurationPage } from '../scripts/configuration-page.ts';
import { lossesPage } from '../scripts/losses-page.ts';
import { loadConfiguration } from '../src/config/load.ts';
import { protocols } from '../src/protocols/index.ts';
import { makeCertificates, type Certificates } from './brokers/index.ts';

const docs = new URL('../docs/', import.meta.url);

it('docs/configuration.md is what the schemas say (npm run docs makes it)', async () => {
  assert.equal(await readFile(new URL('configuration.md', docs), 'utf8'), await configurationPage());
});

it('docs/losses.md is what the traits say (npm run docs makes it)', async () => {
  assert.equal(await readFile(new URL('losses.md', docs), 'utf8'), await lossesPage());
});

describe('docs/brokers', async () => {
  const pages = await brokerPages();
  let folder: string;
  let certificates: Certificates;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'junction-docs-'));
    certificates = await makeCertificates();
  });
  after(async () => {
    await certificates.remove();
    await rm(folder, { recursive: true });
  });

  it('is what schemas, traits and parts say (npm run docs makes it)', async () => {
    const there = (await readdir(new URL('brokers/', docs))).filter((name) => name.endsWith('.md'));
    assert.deepEqual(there.sort(), [...pages.keys()].sort());
    for (const [file, text] of pages)
      assert.equal(await readFile(new URL(`brokers/${file}`, docs), 'utf8'), text, file);
  });

  /** Certificates and secrets of the examples, beside the configuration. */
  async function putFiles(text: string): Promise<void> {
    const { ca, cert, key } = certificates.files;
    const pems = new Map([
      ['certs/ca.pem', ca],
      ['certs/junction.pem', cert],
      ['certs/junction-key.pem', key],
    ]);
    for (const [, path] of text.matchAll(/\$\{file:([^}]+)\}/g)) {
      const pem = pems.get(path!);
      const at = join(folder, path!);
      await mkdir(dirname(at), { recursive: true });
      await writeFile(at, pem === undefined ? 'secret\n' : await readFile(pem));
    }
  }

  const listeners = ['mqtt', 'amqp', 'stomp']
    .map((name) => `  ${name}: { type: ${name}, listen: "127.0.0.1:0" }\n`)
    .join('');

  for (const [file, text] of pages)
    it(`has only examples that junction check accepts: ${file}`, async () => {
      const blocks = [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)].map((found) => found[1]!);
      const endpoints = blocks.filter((block) => block.startsWith('endpoints:\n'));
      const routes = blocks.filter((block) => block.startsWith('routes:\n'));
      assert.equal(endpoints.length + routes.length, blocks.length, 'a block of neither kind');
      if (file !== 'README.md') assert.ok(endpoints.length > 0 && routes.length > 0, 'no example');
      await putFiles(text);
      const all = endpoints.map((block) => block.slice('endpoints:\n'.length)).join('');
      const config = join(folder, 'junction.yaml');
      await writeFile(config, `endpoints:\n${listeners}${all}`);
      const files = routes.map((_, n) => join(folder, `routes-${n}.yaml`));
      for (const [n, route] of files.entries()) await writeFile(route, routes[n]!);
      const names = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map((found) => [found[1]!, 'x']);
      const loaded = await loadConfiguration(config, {
        env: Object.fromEntries(names) as Record<string, string>,
        protocols,
        routesOverride: files,
      });
      assert.equal(loaded.endpoints.size, 3 + endpoints.length, 'an example has one endpoint');
      assert.deepEqual(loaded.warnings, []);
    });
});

describe('docs/departments.md', () => {
  const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

  it('shows the routes as they are, and commands for services that there are', async () => {
    const page = await read('docs/departments.md');
    const routes = await read('routes/departments.yaml');
    const compose = parse(await read('docker-compose.yml')) as { services: Record<string, unknown> };
    const shown = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map((found) => found[1]!);
    assert.ok(shown.length > 0 && shown.every((block) => routes.includes(block)));
    const named = [...page.matchAll(/docker compose (?:exec|stop|start) (\S+)/g)].map((found) => found[1]!);
    assert.ok(named.length > 10);
    for (const service of named) assert.ok(Object.hasOwn(compose.services, service), service);
  });

  it('is about a docker-compose.yml whose ports are on loopback, and whose services the gateway dials', async () => {
    const { services } = parse(await read('docker-compose.yml')) as {
      services: Record<string, { ports?: string[] }>;
    };
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    const onHost = ports.map((port) => port.split(':')[1]);
    assert.equal(new Set(onHost).size, onHost.length, 'a port is published twice');
    const hosts = [...(await read('config/compose.yaml')).matchAll(/:-(?:\w+:\/\/)?([a-z-]+):\d+\}/g)];
    assert.equal(hosts.length, 5);
    for (const [, host] of hosts) assert.ok(Object.hasOwn(services, host!), host);
  });
});
