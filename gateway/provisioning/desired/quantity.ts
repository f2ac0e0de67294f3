/**
 * Amounts as the API server writes them back (Kubernetes API conventions, "Quantity"; `resource.Quantity.CanonicalizeBytes`): what is
 * asked for and what is found can then be compared as text.
 */

/** A count or a number of processors, to the thousandth: `2`, `1500m`, `2k`. */
export function countQuantity(amount: number): string {
  const thousandths = Math.round(amount * 1000);
  return thousandths % 1000 === 0 ? withSuffix(thousandths / 1000, 1000, decimal) : `${thousandths}m`;
}

/** Bytes: `512Mi`, and `20G` where the amount is no multiple of 1024. */
export function bytesQuantity(bytes: number): string {
  return bytes % 1024 === 0 && bytes > 0 ? withSuffix(bytes, 1024, binary) : withSuffix(bytes, 1000, decimal);
}

const decimal = ['', 'k', 'M', 'G', 'T', 'P'];
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** The largest suffix that leaves a whole number. */
function withSuffix(amount: number, step: number, suffixes: readonly string[]): string {
  let [rest, at] = [amount, 0];
  while (rest !== 0 && rest % step === 0 && at < suffixes.length - 1) [rest, at] = [rest / step, at + 1];
  return `${rest}${suffixes[at]}`;
}
