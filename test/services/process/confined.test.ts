import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installerEnvironment } from '../../../gateway/process/index.ts';
import { prepareWork } from '../../../gateway/services/process/packages/confined.ts';

t.test('settings of pip hold for installations wherever the operator keeps them', async (t) => {
  const folder = t.testdir({ config: { pip: { 'pip.conf': '[global]\nindex-url = https://index.example/simple\n' } } });
  const before = process.env['XDG_CONFIG_HOME'];
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_CONFIG_HOME'];
    else process.env['XDG_CONFIG_HOME'] = before;
  });
  process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
  t.equal(installerEnvironment()['XDG_CONFIG_HOME'], join(folder, 'config'), 'of the hub, which sees the machine');
  prepareWork(join(folder, 'work'), undefined);
  const copy = join(folder, 'work/.config/pip/pip.conf');
  t.match(readFileSync(copy, 'utf8'), 'https://index.example/simple', 'of services, which see a copy');
  t.equal(statSync(copy).mode & 0o777, 0o600);
});
