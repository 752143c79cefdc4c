/** The variables that `${NAME}` refers to, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substituted {
  readonly text: string;
  /** Whether the whole scalar was one `${…}`. */
  readonly only: boolean;
  readonly mistakes: readonly { readonly offset: number; readonly message: string; readonly hint: string }[];
}

const variable = /\$(?:\$|\{([^}]*)(\}?))/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` (used where the variable is missing or empty); `$$` is a dollar, and so
 * is a `$` before anything else. What is put in is never looked at again.
 */
export function substitute(text: string, environment: Environment): Substituted {
  const mistakes: { offset: number; message: string; hint: string }[] = [];
  let only = false;
  const result = text.replace(
    variable,
    (whole: string, body: string | undefined, end: string, offset: number) => {
      if (body === undefined) return '$';
      only = whole.length === text.length;
      const found = end === '}' ? inside.exec(body) : null;
      if (!found) {
        mistakes.push({
          offset,
          message: `"${whole}" is not a variable`,
          hint: 'write ${NAME} or ${NAME:-default}, or $$ for a dollar',
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
