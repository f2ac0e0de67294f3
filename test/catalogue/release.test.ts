import t from 'tap';
import { runsBy, type Template } from '../../gateway/catalogue/index.ts';
import { checkValues } from '../../gateway/lib/index.ts';
import { chart, read, runs } from './written.ts';

t.test('a chart with templates runs on Kubernetes, and says what it needs there', async (t) => {
  const service = { 'templates/service.yaml': 'kind: Service\n' };
  const annotated = `${chart}annotations: { knot/pod-security: baseline, knot/memory: 2 GiB, artifacthub.io/license: MIT }\n`;
  const rows: [string, Record<string, string>, Partial<Template['release']> | undefined][] = [
    ['a chart', { 'Chart.yaml': chart, ...service }, { podSecurity: 'restricted', memory: undefined }],
    ['one that says more', { 'Chart.yaml': annotated, ...service }, { podSecurity: 'baseline', memory: 2 ** 31 }],
    [
      'one that runs on a machine too',
      { 'Chart.yaml': chart, ...service, 'process.yaml': `${runs}memory: 1 GiB\n` },
      { podSecurity: 'restricted', memory: 2 ** 30 },
    ],
    ['one that runs on a machine only', { 'Chart.yaml': chart, 'process.yaml': runs }, undefined],
  ];
  for (const [what, files, release] of rows) {
    const { template, problems } = await read(t, files);
    t.strictSame(problems, [], what);
    t.strictSame(template.release, release, what);
    t.equal(runsBy('kubernetes', template), release !== undefined, what);
    t.equal(runsBy('process', template), 'process.yaml' in files, what);
  }
});

t.test(
  'what means something on Kubernetes only is asked for there only, and what Knot fills in of nobody',
  async (t) => {
    const property = (engine?: string) => ({ type: 'string', 'x-knot': { ...(engine && { engine }) } });
    const files = {
      'Chart.yaml': chart,
      'process.yaml': runs,
      'templates/all.yaml': '',
      'values.yaml': 'folder: /a\nimage: node\nsocket: a\nknot: { enabled: false }\n',
      'values.schema.json': JSON.stringify({
        type: 'object',
        required: ['folder', 'image', 'socket'],
        additionalProperties: false,
        properties: {
          folder: property(),
          image: property('kubernetes'),
          socket: property('process'),
          knot: { type: 'object' },
        },
      }),
    };
    for (const [engine, names] of [
      ['process', ['folder', 'socket']],
      ['kubernetes', ['folder', 'image']],
    ] as const) {
      const { template, problems } = await read(t, files, engine);
      t.strictSame(problems, [], engine);
      t.strictSame(Object.keys(template.values), names, engine);
      t.strictSame(Object.keys(template.schema['properties'] as object), names, engine);
      t.strictSame(template.schema['required'], names, engine);
      t.match(checkValues(template.schema, { ...template.values, knot: {} }), [{ pointer: '/knot' }], engine);
    }
  },
);
