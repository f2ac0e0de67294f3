import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';

const gateway = join(import.meta.dirname, '..', '..', 'gateway');

/** Intervals that are no loops in the background, and why. */
const others: Record<string, string> = {
  'files/act/runs.ts': 'a sign of life on the disk: one synchronous call, and no log to complain to',
  'kube/socket.ts': 'a sign of life of one connection, and ends with it',
  'process/python/install.ts': 'counts while one program runs, and ends with it',
  'proxy/listener/drain.ts': 'looks while the listener closes, and ends with it',
  'proxy/upstream/http1-forwarder.ts': 'the hot path of one upstream: one synchronous look at its connections',
  'services/kubernetes/helm.ts': 'looks at one program while it runs, and ends with it',
};

t.test(
  'work in the background is done by lib/every, which awaits it, tells its failures and stops at once',
  async (t) => {
    const withInterval = readdirSync(gateway, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => /\bsetInterval\(/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(gateway, file));
    t.strictSame(withInterval.sort(), Object.keys(others).sort());
  },
);
