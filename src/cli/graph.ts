import { loadConfiguration } from '../config/load.ts';
import { toMermaid } from '../export/mermaid.ts';
import { pictureOf } from '../export/picture.ts';
import { toSvg } from '../export/svg.ts';
import { protocols } from '../protocols/index.ts';
import { write } from './export.ts';

export interface GraphOptions {
  readonly config: string;
  /** An SVG in place of Mermaid's text. */
  readonly svg?: boolean;
  /** The file to write to; standard output where it is not given. */
  readonly output?: string;
}

/**
 * `junction graph`: draws which route leads from where to where.
 * @throws ConfigError with every mistake of the configuration
 */
export async function graph({ config, svg, output }: GraphOptions): Promise<void> {
  const picture = pictureOf(await loadConfiguration(config, { env: process.env, protocols }));
  await write(svg ? toSvg(picture) : toMermaid(picture), output);
}
