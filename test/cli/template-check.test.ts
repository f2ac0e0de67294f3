import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import t from 'tap';
import { runCommand } from '../../gateway/cli/index.ts';
import { lintChart } from '../../gateway/cli/lint-chart.ts';
import { clusterPrograms } from '../cluster/build.ts';

const root = mkdtempSync(join(tmpdir(), 'knot-check-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** `knot template check FOLDER` where Helm is this program. */
async function check(folder: string, helm: string) {
  const config = put('knot.yaml', `kubernetes: { helm: ${helm} }\n`);
  const said = { stdout: '', stderr: '' };
  const into = (name: keyof typeof said) =>
    new Writable({ write: (chunk, _encoding, done) => ((said[name] += String(chunk)), done()) });
  const streams = { stdin: Readable.from([]), stdout: into('stdout'), stderr: into('stderr') };
  const status = await runCommand(['template', 'check', folder, '--config', config], streams);
  return { status, ...said };
}

const chart = (name: string, templates: Record<string, string>): string => {
  put(`${name}/Chart.yaml`, `apiVersion: v2\nname: ${name}\nversion: 1.0.0\ndescription: Of a test.\n`);
  for (const [file, text] of Object.entries(templates)) put(`${name}/templates/${file}`, text);
  return join(root, name);
};

const good = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\n';

const programs = await clusterPrograms();
t.test(
  'what Helm finds in a chart is told by file and line',
  { skip: 'skip' in programs && programs.skip },
  async (t) => {
    const [helm] = (programs as Exclude<typeof programs, { skip: string }>).helm;
    t.match(await check(chart('fine', { 'a.yaml': good }), helm), {
      status: 0,
      stdout: 'fine 1.0.0: valid; its form follows from values.yaml; runs without Kubernetes: no; on Kubernetes: yes\n',
    });
    const rows: [string, Record<string, string>, RegExp][] = [
      [
        'no value',
        { 'a.yaml': good, 'b.yaml': '\n{{ .Values.x.y }}\n' },
        /^templates\/b\.yaml:2: error: .*nil pointer/m,
      ],
      ['no template', { 'a.yaml': '{{ if }}\n' }, /^templates\/a\.yaml:1: error: .*missing value for if/m],
      ['no data', { 'a.yaml': 'kind: [\n' }, /^templates\/a\.yaml: error: .*YAML/m],
    ];
    for (const [name, templates, expected] of rows) {
      const { status, stderr } = await check(chart(name.replace(' ', '-'), templates), helm);
      t.equal(status, 1, name);
      t.match(stderr, expected, name);
      t.match(stderr, /KNOT_CLI_TEMPLATE_INVALID/, name);
    }
    const named = chart('warned', { 'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: Not_A_Name }\n' });
    t.match(await check(named, helm), { status: 0, stderr: /^templates\/a\.yaml: warning: object name/ });
  },
);

t.test('what was not checked is said, and a Helm that goes on is ended', async (t) => {
  const folder = chart('lone', { 'a.yaml': good });
  const { status, stdout } = await check(folder, '/nowhere/helm');
  t.equal(status, 0);
  t.match(stdout, /on Kubernetes: not checked \(Helm is not installed, or not where kubernetes\.helm/);
  const program = (name: string, text: string): string => {
    const file = put(name, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  t.match(await lintChart(program('hangs', 'exec sleep 1000'), folder, 200), { unchecked: /did not come to an end/ });
  t.match(await lintChart(program('floods', 'exec yes'), folder), { unchecked: /more than can be read/ });
  t.match(await lintChart(program('breaks', 'echo no >&2; exit 3'), folder), { unchecked: /cannot check it: / });
  t.match(await lintChart(program('argues', 'echo "[ERROR] $*: $KUBECONFIG"'), folder), {
    problems: [{ message: '/dev/null' }],
  });
});
