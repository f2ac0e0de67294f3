/** Draws one line over time. Loaded only where a plot is shown. */
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export type Line = {
  /** Milliseconds. */
  at: readonly number[];
  values: readonly (number | null)[];
  /** The scale reaches at least so far. */
  top: number;
  words: (value: number) => string;
};

const height = 132;

/** Into `place`, as wide as it is; `show` draws other values, `repaint` takes the colours of the page anew. */
export function drawLine(place: HTMLElement, line: Line) {
  let now = line;
  const colour = (name: string) => getComputedStyle(place).getPropertyValue(name).trim();
  const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: () => colour('--soft'), font, ticks: { show: false } };
  const plot = new UPlot(
    {
      ...{ width: place.clientWidth, height, ms: 1, legend: { show: false } },
      padding: [8, 8, 0, 0],
      cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, highest) => [0, Math.max(now.top, highest ?? 0)] } },
      axes: [
        {
          ...axis,
          size: 28,
          space: 80,
          grid: { show: false },
          values: (_, splits) => splits.map((at) => time.format(at)),
        },
        {
          ...axis,
          size: 76,
          space: 36,
          grid: { stroke: () => colour('--line'), width: 1 },
          values: (_, splits) => splits.map((value) => now.words(value)),
        },
      ],
      series: [
        {},
        {
          stroke: () => colour('--accent'),
          fill: () => colour('--accent-wash'),
          width: 1.5,
          points: { show: false },
        },
      ],
    },
    dataOf(line),
    place,
  );
  const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
  watch.observe(place);
  return {
    show(next: Line): void {
      if (next === now) return;
      now = next;
      plot.setData(dataOf(next));
    },
    repaint: () => plot.redraw(false, true),
    end(): void {
      watch.disconnect();
      plot.destroy();
    },
  };
}

const dataOf = ({ at, values }: Line): [number[], (number | null)[]] => [[...at], [...values]];
