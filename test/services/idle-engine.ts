import { diskFolder } from '../../gateway/catalogue/index.ts';
import { socketUpstream } from '../../gateway/routes/index.ts';
import type { Engine } from '../../gateway/services/index.ts';
import type { LaunchableTemplate } from '../../gateway/services/template.ts';

/** An engine that runs nothing and says so: for tests of what is kept about services. */
export const idleEngine: Engine = {
  tidy: async () => undefined,
  close: async () => undefined,
  health: async () => [],
  missing: async () => [],
  keep: async () => 'digest',
  keepOnly: async () => undefined,
  start: async () => undefined,
  stop: async () => undefined,
  remove: async () => undefined,
  observe: () => ({ phase: 'absent' }),
  steps: () => [],
  upstreamOf: () => socketUpstream('/run/x.sock'),
  obstacles: async () => [],
  output: () => Promise.reject(new Error('nothing runs')),
  openShell: async () => undefined,
  usages: async () => new Map(),
  busyWith: async () => undefined,
  onChange: () => () => undefined,
};

export const plainTemplate: LaunchableTemplate = {
  id: 'web',
  name: 'web',
  title: 'Web',
  version: '1.0.0',
  schema: { properties: { a: { not: { const: 'bad' } } } },
  defaults: { a: 1 },
  plan: {
    command: ['x'],
    environment: {},
    listen: { kind: 'port', port: 8000 },
    ready: '/',
    startSeconds: 1,
    memory: undefined,
    needs: { executables: [], python: [] },
    files: [],
    network: { hosts: [] },
  },
  folder: diskFolder('/nowhere'),
};
