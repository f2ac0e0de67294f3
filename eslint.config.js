import js from '@eslint/js';
import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';

const restricted = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  {
    selector: "Property[key.name='shell'][value.value=true]",
    message: 'No shell, ever: execFile or spawn with argv.',
  },
];

const secretName = '/(secret|secret_?hash|token|password|passphrase|binding|verifier|csrf)$/i';

/** Whether there is a secret at all may be asked; which one it is, only in constant time. */
const secretComparison = {
  selector:
    'BinaryExpression[operator=/^[!=]==?$/]' +
    ":not(:has(> Literal)):not(:has(> Identifier[name='undefined'])):not(:has(> UnaryExpression[operator='typeof']))" +
    `:matches(:has(> Identifier[name=${secretName}]), :has(> MemberExpression[property.name=${secretName}]), ` +
    `:has(> MemberExpression[property.value=${secretName}]))`,
  message: 'Secrets are compared by equalSecrets, in constant time.',
};

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/',
      'dashboard/build/',
      'dashboard/.svelte-kit/',
      '.knot/',
      '.tap/',
      '.cache/',
      'test/**/fixtures/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['gateway/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Interfaces are asynchronous where an implementation may be; a method that needs no await still belongs to one.
      '@typescript-eslint/require-await': 'off',
      // Services are closures without `this`; handing one of their functions over is how modules are wired.
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-syntax': ['error', ...restricted],
    },
  },
  {
    files: ['gateway/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...restricted, secretComparison] },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Every t.test() returns a promise that tap itself awaits.
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['dashboard/**/*.{js,ts,svelte}'],
    extends: [tseslint.configs.recommended],
    languageOptions: { globals: globals.browser },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  // After the block above, so that .svelte files go to the parser these configurations name for them.
  ...svelte.configs.recommended,
  // The dashboard is served at the root of its host; there is no base path to resolve against.
  { files: ['dashboard/**/*.{ts,svelte}'], rules: { 'svelte/no-navigation-without-resolve': 'off' } },
  {
    files: ['dashboard/**/*.{svelte,svelte.ts}'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      'svelte/no-at-html-tags': 'error',
      // Props and runes are declared with `let`; the plugin's rule knows which of them may change.
      'prefer-const': 'off',
      'svelte/prefer-const': ['error', { destructuring: 'all', excludedRunes: ['$props', '$derived', '$state'] }],
    },
  },
);
