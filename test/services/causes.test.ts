import t from 'tap';
import type { Service } from '../../dashboard/src/lib/contract.ts';
import { remediesOf } from '../../dashboard/src/lib/services/remedies.ts';
import { knotError } from '../../gateway/lib/index.ts';
import { causeOf, causeOfError, type End } from '../../gateway/services/causes.ts';
import type { Cause } from '../../gateway/services/index.ts';

/** From how a program ended and what it said last to plain words, and from these to the buttons that stand beside them. */

const service = ({ lines, ...cause }: Cause): Service => ({
  ...{ id: 'one', name: 'one', owner: { kind: 'user', name: 'ann' }, url: 'https://one-ann.localhost/' },
  template: { id: 'web', title: 'Web page', version: '1.0.0' },
  ...{
    wish: 'running',
    state: 'failed',
    since: 1,
    createdBy: 'ann',
    createdAt: 1,
    cause: { ...cause, ...(lines && { lines: [...lines] }) },
  },
  ...{ canSee: true, canView: true, canOpen: true, canManage: true, canStop: true, canRemove: true, canShare: true },
});
const buttons = (cause: Cause, canAdminister = false) =>
  Object.fromEntries(remediesOf(service(cause), { canAdminister }).map(({ label, href }) => [label, href]));

const logs = { 'See its logs': '/services/one/logs' };
const values = { 'Change its values': '/services/one/values', ...logs };
const larger = { 'Choose a larger size': '/services/one/values', ...logs };
const files = { 'See what takes room': '/files', ...logs };

const died = (code: number, ...lines: string[]): End => ({ reason: `ended with exit code ${code}`, lines });
const counted = (crossed: End['crossed'], more: Partial<End> = {}): End => ({
  ...{ reason: 'was ended by SIGKILL', lines: ['at work'], crossed },
  ...more,
});
const size = { name: 'tiny', title: 'Tiny', cpu: 1, memory: 160 * 1024 ** 2 };

const rows: [end: End, code: string, what: RegExp, beside: Record<string, string>][] = [
  [died(3), 'ended', /^Its program ended with exit code 3\.$/, values],
  [{ reason: 'was ended by SIGSEGV', lines: [] }, 'ended', /ended by SIGSEGV/, values],
  [{ reason: 'was ended by SIGKILL', lines: [] }, 'ended', /ended by SIGKILL/, values],
  [died(127, 'sh: 1: jupyter: not found'), 'no-program', /not installed/, logs],
  [died(1, 'no-such-program is not installed on this machine'), 'no-program', /not installed/, logs],
  [died(1, 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8000'), 'port-taken', /listens at/, logs],
  [died(1, 'OSError: [Errno 98] Address already in use'), 'port-taken', /listens at/, logs],
  [died(134, 'FATAL ERROR: Reached heap limit Allocation failed'), 'no-memory', /more memory/, larger],
  [died(1, 'MemoryError'), 'no-memory', /more memory/, larger],
  [counted('memory', { size }), 'no-memory', /more memory than its size has \(Tiny: 160 MiB\)/, larger],
  [died(1, 'Error: EMFILE: too many open files'), 'no-descriptors', /more files at a time/, values],
  [died(1, 'bash: fork: retry: Resource temporarily unavailable'), 'no-processes', /more programs/, values],
  [died(1, "RuntimeError: can't start new thread"), 'no-processes', /more programs/, values],
  [counted('processes'), 'no-processes', /more programs/, values],
  [{ reason: 'was ended by SIGXFSZ', lines: [] }, 'file-too-large', /larger than a service may keep/, values],
  [died(1, 'OSError: [Errno 28] No space left on device'), 'disk-full', /no room left/, files],
  [counted('disk'), 'home-full', /in its own home/, logs],
  [counted('files', { room: { bytes: 2 * 1024 ** 3, limit: 1024 ** 3 } }), 'files-full', /2 GiB of 1 GiB/, files],
  [died(1, "FileNotFoundError: [Errno 2] No such file or directory: '/files/private/x'"), 'no-file', /find/, values],
  [died(1, "PermissionError: [Errno 13] Permission denied: '/files/x'"), 'not-allowed', /not allowed/, values],
  [died(1, "ModuleNotFoundError: No module named 'pandas'"), 'no-module', /package that it needs/, logs],
  [died(1, "Error: Cannot find module 'express'"), 'no-module', /package that it needs/, logs],
  [{ reason: 'did not answer in time', lines: [] }, 'slow', /in the time that its template/, larger],
];

t.test('why a program ended is told in plain words, with what to do and the button that does it', async (t) => {
  for (const [end, code, what, beside] of rows) {
    const name = `${end.reason}: ${end.crossed ?? end.lines.join()}`;
    const cause = causeOf(end);
    t.equal(cause.code, code, name);
    t.match(cause.what, what, name);
    t.match(cause.remedy, /^[A-Z].+\.$/, name);
    t.strictSame(cause.lines, end.lines.length > 0 ? end.lines : undefined, name);
    t.strictSame(buttons(cause), beside, name);
  }
});

t.test('whoever administers is led to what has to be installed, and who may not manage it to nothing', async (t) => {
  const install = { 'How to install it': '/start/web', ...logs };
  for (const end of [died(127), died(1, "ModuleNotFoundError: No module named 'x'")])
    t.strictSame(buttons(causeOf(end), true), install);
  const cause = causeOf(counted('memory'));
  const seen = { ...service(cause), canManage: false, canOpen: false };
  t.strictSame(remediesOf(seen, { canAdminister: false }), []);
});

t.test('of many lines the last are shown, and what was counted outweighs what was said', async (t) => {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  t.strictSame(causeOf(died(1, ...lines)).lines, lines.slice(10));
  t.equal(causeOf(died(1, 'Permission denied', ...lines)).code, 'ended', 'said long before');
  t.equal(causeOf({ ...counted('memory'), lines: ['Permission denied'] }).code, 'no-memory');
});

t.test('what could not be begun: words of Knot are said, anything else is for the log', async (t) => {
  const said = knotError('KNOT_SERVICES_NO_OWNER', 409, 'The owner is gone.', { remedy: 'Ask.' });
  t.strictSame(causeOfError(said), { code: 'not-begun', what: 'The owner is gone.', remedy: 'Ask.' });
  t.match(causeOfError(new Error('EACCES /var/lib/knot/secret')), {
    what: 'Knot could not start it.',
    remedy: /administrator finds the reason in the log/,
  });
});
