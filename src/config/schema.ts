import { z } from 'zod';
import { hostPort, timer } from '../core/units.ts';
import { policySchema } from './policy/schema.ts';
import { registrySchema } from '../transform/index.ts';

/** Names of endpoints stand in route files, logs and metrics. */
const endpointName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]*$/,
    'the name of an endpoint begins with a letter and goes on with letters, digits, - or _',
  );

/** `config/junction.yaml`. What an endpoint holds beside `type` is checked by its protocol. */
export const configurationSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'the id of a gateway has 1 to 64 letters, digits, - or _')
    .optional()
    .describe(
      'What tells this gateway from others that run the same routes: {gateway} in reply addresses. Without it the name of the host, with - for what an id cannot hold.',
    ),
  endpoints: z
    .record(endpointName, z.looseObject({ type: z.string().describe('The protocol, e.g. mqtt.') }))
    .refine((endpoints) => Object.keys(endpoints).length > 0, 'there is no endpoint; name at least one')
    .describe('Listeners (with `listen`) and connections to brokers (with `url` or `brokers`), by name.'),
  registries: z
    .record(
      z
        .string()
        .regex(
          /^[A-Za-z][A-Za-z0-9_-]*$/,
          'the name of a registry begins with a letter and goes on with letters, digits, - or _',
        ),
      registrySchema,
    )
    .default({})
    .describe('Schema registries with the interface of Confluent’s, by the names that routes use.'),
  routes: z
    .array(z.string().min(1))
    .default([])
    .describe('Route files, relative to this file; * and ? match within a name, ** matches folders.'),
  policy: policySchema
    .optional()
    .describe('Which owners may read from and write to which endpoints and addresses. Without it all may.'),
  store: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .default('data')
        .describe(
          'The folder that holds dead letters, spools, and what listeners keep, relative to the working directory. It is made when something needs it; one gateway at a time may use it.',
        ),
      damaged: z
        .enum(['refuse', 'quarantine'])
        .default('refuse')
        .describe('A damaged store: do not start, or move its files aside and begin with an empty one.'),
    })
    .prefault({})
    .describe('What the gateway keeps on the disk.'),
  admin: z
    .strictObject({
      listen: hostPort()
        .prefault('127.0.0.1:8080')
        .describe('Where /healthz, /readyz, /losses and /dead-letters are served, host:port. Whoever reaches it may read, send again and drop dead letters.'),
    })
    .prefault({})
    .describe('The interface for operators.'),
  reload: z
    .strictObject({
      watch: z
        .boolean()
        .default(true)
        .describe('Whether a change of a file that was read, or of the files that a pattern means, is a reason to read all of them again. SIGHUP and POST /reload always are.'),
      every: timer().prefault('1s').describe('How often the files are looked at.'),
    })
    .prefault({})
    .describe('How the running gateway comes to know of a changed configuration.'),
  drain: timer()
    .prefault('10s')
    .describe('How long what was taken may take to be settled: when the gateway stops, and when an endpoint is replaced or goes.'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('The least severe level to log.'),
      format: z
        .enum(['auto', 'json', 'text'])
        .default('auto')
        .describe('auto: text on a terminal, JSON elsewhere.'),
    })
    .prefault({})
    .describe('The log, on standard error.'),
});

export type ConfigurationFile = z.output<typeof configurationSchema>;
