import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Data flows one way: core <- broker, routing <- protocols, config <- gateway <- cli. */
const layers = (folder, forbidden) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: forbidden.map((name) => ({
          // every protocol's folder has a config.ts of its own; the layer is a folder
          group: name === 'config' ? ['**/config/**'] : [`**/${name}/**`, `**/${name}.ts`],
          message: `${folder} must not know ${name}`,
        })),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.cache', 'data', '**/*.mjs', 'eslint.config.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [importX.createNodeResolver({ extensions: ['.ts', '.js'] })] },
    rules: {
      'import-x/no-cycle': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['it', 'describe', 'test', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  layers('core', ['broker', 'routing', 'config', 'protocols', 'admin', 'cli', 'gateway']),
  layers('broker', ['routing', 'config', 'protocols', 'admin', 'cli', 'gateway']),
  layers('routing', ['broker', 'config', 'protocols', 'admin', 'cli', 'gateway']),
  layers('protocols', ['routing', 'config', 'admin', 'cli', 'gateway']),
  ...['mqtt', 'amqp', 'stomp', 'kafka'].map((own) =>
    layers(`protocols/${own}`, [
      'routing',
      'config',
      'admin',
      'cli',
      'gateway',
      ...['mqtt', 'amqp', 'stomp', 'kafka'].filter((other) => other !== own).map((other) => `${other}`),
    ]),
  ),
  layers('config', ['broker', 'admin', 'cli', 'gateway']),
  layers('admin', ['cli', 'protocols', 'routing', 'broker']),
);
