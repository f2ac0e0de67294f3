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
    extends: [tseslint.configs.recommended],
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // tsc says so (noUnusedLocals, noUnusedParameters).
      '@typescript-eslint/no-unused-vars': 'off',
      'no-restricted-syntax': ['error', ...restricted],
    },
  },
  {
    // Rules that read types take most of the time of a lint: they are for what is shipped.
    files: ['gateway/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { project: './gateway/tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Interfaces are asynchronous where an implementation may be; a method that needs no await still belongs to one.
      '@typescript-eslint/require-await': 'off',
      // Services are closures without `this`; handing one of their functions over is how modules are wired.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['gateway/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...restricted, secretComparison] },
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
