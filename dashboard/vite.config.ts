import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

const packages = join(import.meta.dirname, '../node_modules');

/** What the gateway and the browser both check by (a test keeps the list of what may be imported). */
const lib = join(import.meta.dirname, '../gateway/lib');
const shared = ['values', 'yaml']
  .flatMap((folder) => readdirSync(join(lib, folder)).map((name) => join(lib, folder, name)))
  .concat(join(lib, 'template-plan.ts'))
  .sort();

/** The same sources give the same build, and a changed source gives another version: both from a hash over `src`. */
function sourceVersion(): string {
  const folder = join(import.meta.dirname, 'src');
  const hash = createHash('sha256').update(readFileSync(join(import.meta.dirname, 'package.json')));
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of entries.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash.update(file.slice(folder.length)).update(readFileSync(file));
  }
  for (const file of shared) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

/** Paths the gateway answers itself; `vite dev` passes them on, so that a session of the running gateway is used. */
const gatewayPaths = [
  '/api',
  '/login',
  '/signup',
  '/setup',
  '/invite',
  '/reset',
  '/logout',
  '/ca.pem',
  '/oidc',
  '/.knot',
];
/** Changing something asks for the gateway's own origin; the page here has Vite's. */
const origin = 'https://localhost:8443';
const gateway = { target: origin, secure: false, changeOrigin: true, headers: { origin } };

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter({ fallback: '200.html', precompress: true }),
      compilerOptions: { runes: true },
      version: { name: sourceVersion() },
      paths: { relative: false },
      csp: {
        mode: 'hash',
        directives: {
          'default-src': ['none'],
          'script-src': ['self'],
          'style-src': ['self'],
          // The one style attribute in the pages: SvelteKit's element that reads out page changes.
          'style-src-attr': ['unsafe-hashes', 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='],
          'img-src': ['self', 'data:'],
          'media-src': ['self'],
          'font-src': ['self'],
          'connect-src': ['self'],
          'manifest-src': ['self'],
          'base-uri': ['none'],
          'object-src': ['none'],
        },
      },
    }),
  ],
  // Its form for browsers asks the document what `&auml;` is; a worker has none.
  resolve: {
    alias: { 'decode-named-character-reference': join(packages, 'decode-named-character-reference/index.js') },
  },
  build: { assetsInlineLimit: 0 },
  server: { proxy: Object.fromEntries(gatewayPaths.map((path) => [path, gateway])) },
});
