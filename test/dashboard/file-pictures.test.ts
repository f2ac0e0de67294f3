import fc from 'fast-check';
import t from 'tap';
import { squarify } from '../../dashboard/src/lib/files/squarify.ts';

const weights = fc.array(fc.nat(1_000_000_000), { maxLength: 40 });

t.test('tiles fill the whole in proportion, and none lies on another', async () => {
  fc.assert(
    fc.property(
      weights,
      fc.integer({ min: 50, max: 2000 }),
      fc.integer({ min: 50, max: 900 }),
      (items, width, height) => {
        const total = items.reduce((sum, weight) => sum + weight, 0);
        const tiles = squarify(items, (weight) => weight, width, height);
        if (total === 0) return tiles.length === 0;
        const isInside = tiles.every(
          (tile) =>
            tile.x >= -1e-6 &&
            tile.y >= -1e-6 &&
            tile.x + tile.width <= width + 1e-6 &&
            tile.y + tile.height <= height + 1e-6,
        );
        const isFair = tiles.every(
          ({ of, width: w, height: h }) => Math.abs((w * h) / (width * height) - of / total) < 1e-6,
        );
        const area = tiles.reduce((sum, tile) => sum + tile.width * tile.height, 0);
        return isInside && isFair && Math.abs(area / (width * height) - 1) < 1e-6;
      },
    ),
    { examples: [[[214_513_487, 3, 266_668_351], 1864, 55]] },
  );
});

t.test('tiles are as square as their weights let them be', async (t) => {
  const tiles = squarify([6, 6, 4, 3, 2, 2, 1], (weight) => weight, 600, 400);
  const ratios = tiles.map(({ width, height }) => Math.max(width / height, height / width));
  t.ok(Math.max(...ratios) < 3, 'the example of the paper');
  t.same(squarify([], Number, 10, 10), []);
  t.same(squarify([1], Number, 0, 10), []);
});
