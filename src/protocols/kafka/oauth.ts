import type { SASLOptions } from 'kafkajs';
import { z } from 'zod';
import type { KafkaClientConfig } from './config.ts';

type Credentials = Extract<KafkaClientConfig['sasl'], { mechanism: 'oauthbearer' }>;

/** A successful answer of a token endpoint, RFC 6749 §5.1. */
const answer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive().optional() });

/** How long in ms the authorization server may take. */
const patience = 5000;

/** Gives a token, the last one for half of its life; those who ask at the same time get the same. */
export function tokenSource(credentials: Credentials): () => Promise<string> {
  let kept: { readonly value: string; readonly until: number } | undefined;
  let fetching: Promise<string> | undefined;
  const fresh = async (): Promise<string> => {
    try {
      const { access_token: value, expires_in = 60 } = await fetchToken(credentials);
      kept = { value, until: performance.now() + expires_in * 500 };
      return value;
    } finally {
      fetching = undefined;
    }
  };
  return () =>
    kept && kept.until > performance.now() ? Promise.resolve(kept.value) : (fetching ??= fresh());
}

/** The same for kafkajs. */
export function oauthBearer(credentials: Credentials): SASLOptions {
  const token = tokenSource(credentials);
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token() }) };
}

/** The client credentials grant, RFC 6749 §4.4; the client authenticates by HTTP Basic, §2.3.1. */
async function fetchToken({
  token_url,
  client_id,
  client_secret,
  scope,
}: Credentials): Promise<z.output<typeof answer>> {
  const basic = Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString(
    'base64',
  );
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
  });
  let response: Response;
  try {
    response = await fetch(token_url, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
      body,
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`no token from ${token_url}: ${cause instanceof Error ? cause.message : message}`, {
      cause: error,
    });
  }
  const text = await response.text();
  if (!response.ok)
    throw new Error(`no token from ${token_url}: it answered ${response.status} ${response.statusText}`);
  const parsed = answer.safeParse(safeJson(text));
  if (!parsed.success) throw new Error(`no token from ${token_url}: its answer holds no access_token`);
  return parsed.data;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
