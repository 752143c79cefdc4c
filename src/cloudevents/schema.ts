import { z } from 'zod';
import { isAttributeName, isInteger, isMediaType } from './attributes.ts';

/** Attributes that have a setting of their own, or that only an event itself can have. */
const reserved = /^(?:specversion|id|source|type|subject|time|dataschema|datacontenttype)$/;

const template = z.string().min(1);

const extensionName = z
  .string()
  .refine(isAttributeName, 'the name of an attribute has lower-case letters and digits only, and is not data')
  .refine(
    (name) => !reserved.test(name),
    'is no extension: source, type, subject, dataschema and content_type are settings of their own, all others come with the event',
  );

/** What a target says about the events that it is sent. */
export const cloudEventsSchema = z.strictObject({
  mode: z
    .enum(['binary', 'structured'])
    .optional()
    .describe(
      'binary: data is the body, attributes are headers. structured: all of it is JSON in the body. By default binary, and structured for MQTT.',
    ),
  prefix: z
    .string()
    .min(1)
    .optional()
    .describe('What stands before the names of attributes in binary mode, where a protocol knows several.'),
  source: template
    .optional()
    .describe(
      'The source of messages that have none, e.g. "/plants/{plant}"; by default /junction/ENDPOINT/ADDRESS.',
    ),
  type: template
    .optional()
    .describe(
      'The type of messages that have none, e.g. com.example.order.placed; by default junction.message.',
    ),
  subject: template.optional().describe('The subject of messages that have none.'),
  dataschema: template
    .optional()
    .describe('The URI of the schema of data, where the message does not say it.'),
  content_type: z
    .string()
    .refine(isMediaType, 'is no media type; write e.g. application/json')
    .optional()
    .describe('The content type of messages that have none, e.g. application/json.'),
  extensions: z
    .record(
      extensionName,
      z.union([
        template,
        z.boolean(),
        z.number().refine(isInteger, 'an attribute can be an integer of 32 bits'),
      ]),
    )
    .optional()
    .describe(
      'Further attributes of messages that lack them: text with values in braces, true, false or an integer.',
    ),
});

export type CloudEventsEntry = z.output<typeof cloudEventsSchema>;
