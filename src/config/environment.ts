/** The variables that `${NAME}` refers to, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the file that `${file:path}` names; returns why where it cannot be read. */
export type ReadText = (path: string) => { readonly text: string } | { readonly reason: string };

export interface Substituted {
  readonly text: string;
  /** Whether the whole scalar was one `${…}`. */
  readonly only: boolean;
  readonly mistakes: readonly { readonly offset: number; readonly message: string; readonly hint: string }[];
}

const variable = /\$(?:\$|\{([^}]*)(\}?))/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;
const ofFile = /^file:(.+)$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` (used where the variable is missing or empty), and `${file:path}` by the
 * content of a file, such as a secret or certificate, without the line break at its end; `$$` is a dollar, and so is
 * a `$` before anything else. What is put in is never looked at again.
 */
export function substitute(text: string, environment: Environment, readText: ReadText): Substituted {
  const mistakes: { offset: number; message: string; hint: string }[] = [];
  let only = false;
  const result = text.replace(
    variable,
    (whole: string, body: string | undefined, end: string, offset: number) => {
      if (body === undefined) return '$';
      only = whole.length === text.length;
      const path = end === '}' ? ofFile.exec(body)?.[1] : undefined;
      if (path !== undefined) {
        const read = readText(path);
        if ('text' in read) return read.text.replace(/\r?\n$/, '');
        mistakes.push({
          offset,
          message: `the file ${path} cannot be read: ${read.reason}`,
          hint: 'the path is relative to the folder of this file',
        });
        return '';
      }
      const found = end === '}' ? inside.exec(body) : null;
      if (!found) {
        mistakes.push({
          offset,
          message: `"${whole}" is not a variable`,
          hint: 'write ${NAME}, ${NAME:-default} or ${file:path}, or $$ for a dollar',
        });
        return '';
      }
      const [, name, fallback] = found;
      const value = Object.hasOwn(environment, name!) ? environment[name!] : undefined;
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
      if (value === undefined)
        mistakes.push({
          offset,
          message: `the environment variable ${name} is not set`,
          hint: `set it, or give a default: \${${name}:-default}`,
        });
      return value ?? '';
    },
  );
  return { text: result, only, mistakes };
}
