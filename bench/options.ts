import { parseArgs } from 'node:util';
import { workloadNames } from './workload.ts';

export const help = `npm run bench -- [flags]

  --path LIST      paths to run, of: ${[...workloadNames(), 'matcher'].join(', ')} (default: all)
  --peers LIST     systems to measure beside, alternating, of: rabbitmq, rhea (the gateway with rhea as its AMQP server)
  --prove          measure the load processes alone, over a bare relay, in place of the gateway
  --rounds N       rounds of each system (default: as the workload says, 3)
  --seconds N      length of each measurement (default: as the workload says, 10)
  --rate N         messages a second of the fixed-rate phase (default: as the workload says)
  --json FILE      where to write the results (default: bench/results/<time>.json)
  --profile        profile the gateway's CPU: prints the functions with the most time of their own, slows it somewhat
  --no-build       measure dist/ as it is
`;

export interface Options {
  readonly paths: readonly string[];
  readonly matcher: boolean;
  readonly peers: readonly string[];
  readonly prove: boolean;
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  readonly rate: number | undefined;
  readonly json: string | undefined;
  readonly profile: boolean;
  readonly build: boolean;
}

const list = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} needs a number above 0, not "${value}"`);
  return number;
}

/** @returns undefined where help is wanted. @throws Error for a flag or value it does not know */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      path: { type: 'string' },
      peers: { type: 'string' },
      prove: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const wanted = values.path === undefined ? [...workloadNames(), 'matcher'] : list(values.path);
  return {
    paths: wanted.filter((path) => path !== 'matcher'),
    matcher: wanted.includes('matcher') && !values.prove,
    peers: list(values.peers),
    prove: values.prove,
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    rate: positive('rate', values.rate),
    json: values.json,
    profile: values.profile,
    build: !values['no-build'] && !values.prove,
  };
}
