/**
 * Does work for many, a few at a time, in their order. The first that fails is what it fails with, as soon as that is known: nothing is
 * begun after it.
 */
export async function eachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries();
  let isOver = false;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, items.length) }, async () => {
      for (const [index, item] of waiting) {
        if (isOver) return;
        try {
          await work(item, index);
        } catch (error) {
          isOver = true;
          throw error;
        }
      }
    }),
  );
}
