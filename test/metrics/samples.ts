import { corpus } from './queries.ts';

/** Seconds since 1970; of the first sample. */
export const begin = 1_700_000_000;
const steps = 61;
const stepSeconds = 60;
/** When all series have samples behind them. */
export const middle = begin + 45 * stepSeconds;

const words = new Set(['up', 'kube_pod_info']);
for (const query of corpus) for (const [word] of query.matchAll(/(?<![\w:"])[a-zA-Z_:][\w:]*/g)) words.add(word);

/** Every word of the corpus may be the name of a metric, so that whatever a query asks for is there. */
const names = [...words].filter((word) => !/^(inf|nan)$/i.test(word)).sort();

const owners = {
  ada: { namespace: 'knot-ada', base: 1, slope: 2 },
  bob: { namespace: 'knot-bob', base: 1_000_003, slope: 5 },
  // What belongs to the machines, and to nobody.
  nobody: { namespace: undefined, base: 500_000_009, slope: 7 },
};
export type OwnerName = keyof typeof owners;

/** Samples of these, in the text form that promtool makes a database of. */
export function samplesOf(...wanted: OwnerName[]): string {
  const lines: string[] = [];
  for (const [index, name] of names.entries()) {
    for (const owner of wanted) {
      const { namespace, base, slope } = owners[owner];
      for (const pod of ['web-0', 'web-1']) {
        const labels = [
          ...(namespace === undefined ? [] : [`namespace="${namespace}"`]),
          `pod="${pod}"`,
          `owner="${owner}"`,
          'job="api-server"',
          `instance="${pod.at(-1)}"`,
          'group="production"',
          'le="+Inf"',
          'resource="cpu"',
        ].join(',');
        const first = base + index + Number(pod.at(-1)) * 10;
        for (let step = 0; step < steps; step++)
          lines.push(`${name}{${labels}} ${first + slope * step} ${begin + step * stepSeconds}`);
      }
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}
