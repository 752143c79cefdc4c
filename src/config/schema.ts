import { z } from 'zod';
import { hostPort } from '../core/units.ts';

/** Names of endpoints stand in route files, logs and metrics. */
const endpointName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]*$/,
    'the name of an endpoint begins with a letter and goes on with letters, digits, - or _',
  );

/** `config/junction.yaml`. What an endpoint holds beside `type` is checked by its protocol. */
export const configurationSchema = z.strictObject({
  endpoints: z
    .record(endpointName, z.looseObject({ type: z.string().describe('The protocol, e.g. mqtt.') }))
    .refine((endpoints) => Object.keys(endpoints).length > 0, 'there is no endpoint; name at least one')
    .describe('Listeners (with `listen`) and connections to brokers (with `url` or `brokers`), by name.'),
  routes: z
    .array(z.string().min(1))
    .default([])
    .describe('Route files, relative to this file; * and ? match within a name, ** matches folders.'),
  admin: z
    .strictObject({
      listen: hostPort()
        .prefault('127.0.0.1:8080')
        .describe('Where /healthz and /readyz are served, host:port.'),
    })
    .prefault({})
    .describe('The interface for operators.'),
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
