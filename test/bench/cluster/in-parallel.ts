/** Does an act for 0 … `count` - 1, some at a time. */
export async function inParallel(count: number, act: (n: number) => Promise<unknown>, atOnce = 20): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
