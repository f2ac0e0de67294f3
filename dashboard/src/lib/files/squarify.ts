/** Rectangles in the proportion of their weights that fill a whole one, as square as can be (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000). */

export type Tile<T> = { of: T; x: number; y: number; width: number; height: number };

/** `width` and `height` of the whole, in any unit; what has no weight has no tile. */
export function squarify<T>(
  items: readonly T[],
  weightOf: (item: T) => number,
  width: number,
  height: number,
): Tile<T>[] {
  const weighed = items.map((of) => ({ of, weight: weightOf(of) })).filter(({ weight }) => weight > 0);
  weighed.sort((a, b) => b.weight - a.weight);
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0 || width <= 0 || height <= 0) return [];
  const scale = (width * height) / total;
  const tiles: Tile<T>[] = [];
  let left = { x: 0, y: 0, width, height };
  let rest = weighed.map(({ of, weight }) => ({ of, area: weight * scale }));
  while (rest.length > 0) {
    const side = Math.min(left.width, left.height);
    let count = 1;
    while (count < rest.length && worst(rest.slice(0, count + 1), side) <= worst(rest.slice(0, count), side))
      count += 1;
    const row = rest.slice(0, count);
    rest = rest.slice(count);
    left = lay(row, left, tiles);
  }
  return tiles;
}

type Sized<T> = { of: T; area: number };
type Space = { x: number; y: number; width: number; height: number };

/** How far the least square of a row is from a square. */
function worst<T>(row: readonly Sized<T>[], side: number): number {
  const sum = row.reduce((total, { area }) => total + area, 0);
  const ratios = row.map(({ area }) =>
    Math.max((side * side * area) / (sum * sum), (sum * sum) / (side * side * area)),
  );
  return Math.max(...ratios);
}

/** Puts a row along the shorter side; what is left of the space. */
function lay<T>(row: readonly Sized<T>[], { x, y, width, height }: Space, tiles: Tile<T>[]): Space {
  const sum = row.reduce((total, { area }) => total + area, 0);
  const isUpright = width >= height;
  const [side, most] = isUpright ? [height, width] : [width, height];
  // Sums of very unlike numbers are a little off: nothing lies beyond the edge all the same.
  const depth = Math.min(most, sum / side);
  let at = isUpright ? y : x;
  for (const { of, area } of row) {
    const length = (area / sum) * side;
    tiles.push(
      isUpright ? { of, x, y: at, width: depth, height: length } : { of, x: at, y, width: length, height: depth },
    );
    at += length;
  }
  return isUpright
    ? { x: x + depth, y, width: width - depth, height }
    : { x, y: y + depth, width, height: height - depth };
}
