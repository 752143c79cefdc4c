/** A place in a file; line and column count from 1, columns in UTF-16 code units as editors do. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One mistake in a configuration or route file. */
export interface Problem extends Place {
  /** A configuration with errors is not used; one with warnings is. */
  readonly severity: 'error' | 'warning';
  /** What is wrong. */
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

/** The one error that loading a configuration throws: every problem of every file, sorted by place. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems));
    this.problems = problems;
  }
}

/** Gathers the problems of all files of one configuration. */
export class Problems {
  readonly #list: Problem[] = [];
  /** What was told where: the same thing is told once. */
  readonly #told = new Set<string>();

  get list(): readonly Problem[] {
    return this.#list.toSorted(byPlace);
  }

  get count(): number {
    return this.#list.length;
  }

  error(place: Place, message: string, hint?: string): void {
    this.#add('error', place, message, hint);
  }

  warning(place: Place, message: string, hint?: string): void {
    this.#add('warning', place, message, hint);
  }

  /** @throws ConfigError if there was any error */
  throwErrors(): void {
    if (this.#list.some((problem) => problem.severity === 'error')) throw new ConfigError(this.list);
  }

  #add(severity: Problem['severity'], { file, line, column }: Place, message: string, hint?: string): void {
    const key = JSON.stringify([file, line, column, message]);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#list.push({ severity, file, line, column, message, ...(hint !== undefined && { hint }) });
  }
}

const byPlace = (a: Problem, b: Problem): number =>
  (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column;

/** One line each: `file:line:column: what is wrong; how to mend it`. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => oneLine(formatProblem(problem))).join('\n');
}

function formatProblem({ file, line, column, severity, message, hint }: Problem): string {
  const warning = severity === 'warning' ? 'warning: ' : '';
  return `${file}:${line}:${column}: ${warning}${message}${hint === undefined ? '' : `; ${hint}`}`;
}

/** Names and values of a file stand in messages: they must not begin a line of their own or steer a terminal. */
const oneLine = (text: string): string =>
  text.replace(
     
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** `file:line:column` of a place. */
export const formatPlace = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;
