import type { Problems } from './problems.ts';
import { partsOf } from './tree-parts.ts';
import { items, type ScalarNode, type Tree } from './tree.ts';

const secretKey = /(^|[_-])(password|passphrase|secret|token)$/i;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const credentials = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s]*:[^/@\s]+@/;

/** Warns of secrets that stand in the configuration itself, where all who may read it see them. */
export function checkSecrets(tree: Tree | undefined, problems: Problems): void {
  for (const item of items(tree)) checkSecrets(item, problems);
  for (const [key, node] of partsOf(tree)) {
    if (key === 'users') for (const [, word] of partsOf(node)) checkScalar('a password', word, problems);
    else if (secretKey.test(key)) checkScalar(`the ${key.replaceAll(/[_-]/g, ' ')}`, node, problems);
    else if (node.kind === 'scalar') {
      const text = String(node.value);
      if (privateKey.test(text)) checkScalar('a private key', node, problems);
      else if (credentials.test(text)) checkScalar('a password', node, problems);
    } else checkSecrets(node, problems);
  }
}

function checkScalar(what: string, node: Tree, problems: Problems): void {
  if (!isWritten(node)) return;
  problems.warning(
    node.at,
    `${what} is written here, for all who can read this file`,
    'take it from the environment, ${NAME}, or a file, ${file:path}',
  );
}

const isWritten = (node: Tree): node is ScalarNode =>
  node.kind === 'scalar' && !node.substituted && node.value !== null && node.value !== '';
