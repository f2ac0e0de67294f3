/** Whether a version is newer than another one (Semantic Versioning 2.0, section 11, as charts of Helm have them). */
export function isNewer(one: string, other: string): boolean {
  const [left, right] = [read(one), read(other)];
  for (let index = 0; index < 3; index += 1)
    if (left.numbers[index]! !== right.numbers[index]!) return left.numbers[index]! > right.numbers[index]!;
  return isLater(left.before, right.before);
}

function read(version: string): { numbers: [number, number, number]; before: string[] } {
  const [, major = '0', minor = '0', patch = '0', before = ''] =
    /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(version) ?? [];
  return { numbers: [Number(major), Number(minor), Number(patch)], before: before === '' ? [] : before.split('.') };
}

/** What comes before a release: without it is later than with it, numbers are earlier than words. */
function isLater(one: readonly string[], other: readonly string[]): boolean {
  if (one.length === 0 || other.length === 0) return one.length < other.length;
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const [left, right] = [one[index], other[index]];
    if (left === right) continue;
    if (left === undefined || right === undefined) return right === undefined;
    const [isLeft, isRight] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isLeft && isRight) return Number(left) > Number(right);
    return isLeft === isRight ? left > right : isRight;
  }
  return false;
}
