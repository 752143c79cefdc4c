import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { timer } from '../core/units.ts';

const text = z.string().min(1);

/** One entry of `registries:` of the configuration. */
export const registrySchema = z
  .strictObject({
    url: z
      .string()
      .refine((url) => /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url) && URL.canParse(url), {
        message:
          'expected http://host:port or https://host:port, with a path where the registry is below one; its user is not part of it',
      })
      .describe(
        'Where the registry is, e.g. http://registry:8081, or http://apicurio:8080/apis/ccompat/v7 for one that has this interface below a path.',
      ),
    username: text.optional().describe('Who we are to it, by HTTP Basic.'),
    password: text.optional().describe('The password, e.g. ${REGISTRY_PASSWORD}.'),
    token: text.optional().describe('A bearer token, in place of username and password.'),
    ca: text
      .optional()
      .describe('PEM of the authorities to trust instead of the system’s, e.g. ${file:certs/ca.pem}.'),
    timeout: timer().prefault('5s').describe('How long it may take to answer.'),
    refresh: timer()
      .prefault('1m')
      .describe(
        'How old may be what is known of the latest version of a subject. What a number means never changes.',
      ),
  })
  .superRefine(({ username, password, token, ca }, context) => {
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    if ((username === undefined) !== (password === undefined)) wrong('username and password belong together');
    if (token !== undefined && username !== undefined) wrong('give either a token or username and password');
    if (ca === undefined) return;
    try {
      createSecureContext({ ca });
    } catch (error) {
      wrong(`ca cannot be used: ${(error as Error).message}; it is PEM text, e.g. \${file:certs/ca.pem}`);
    }
  });

export type RegistrySettings = z.output<typeof registrySchema>;
