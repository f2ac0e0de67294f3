const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `42.0 MB`: three digits are enough for a sentence. */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${value} bytes` : `${value.toFixed(1)} ${units[unit]}`;
}
