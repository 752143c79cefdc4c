import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

/** How the configuration wants the log. */
export interface LogSettings {
  readonly level: string;
  /** `auto`: text on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'text';
}

/** The program's log: on standard error, so that standard output holds only what was asked for. */
export function createLogger(settings: LogSettings): Logger {
  const text = settings.format === 'text' || (settings.format === 'auto' && process.stderr.isTTY);
  const options = { level: settings.level, base: null };
  if (!text) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', colorize: process.stderr.isTTY }),
  );
}
