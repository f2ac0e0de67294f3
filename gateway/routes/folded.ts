/** The segments of a path as the most lenient upstream would read them. */
export function foldedSegments(path: string): string[] {
  let text = path;
  for (let round = 0; round < 4 && text.includes('%'); round += 1) {
    text = text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  }
  return text
    .normalize('NFKC')
    .replaceAll(/[^\x21-\x7e\u00a1-\uffff]/g, '')
    .toLowerCase()
    .split(/[/\\]+/)
    .map((segment) => segment.split(';', 1)[0] ?? '')
    .filter((segment) => segment !== '');
}
