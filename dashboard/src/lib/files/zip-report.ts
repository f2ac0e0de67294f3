/** Reads what a zip says about itself at its end (APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16). */

/** The gateway's last entry, when something had to be left out: one line each. */
const reportName = 'NOT IN THIS ARCHIVE.txt';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endLength = 22;
const entryLength = 46;
/** The report is the last entry: its record stands in the last bytes of the list of entries. */
const tailBytes = 4_096;
const mostReport = 4_000_000;

/** What a zip of the gateway does not hold, with why; nothing when all is in it. */
export async function missingIn(zip: Blob): Promise<string[]> {
  const tailStart = Math.max(0, zip.size - tailBytes);
  const tail = await viewOf(zip, tailStart, zip.size);
  const end = lastIndexOf(tail, endSignature, tail.byteLength - endLength);
  if (end === undefined) return [];
  for (let at = end; ; at -= 1) {
    const found = lastIndexOf(tail, entrySignature, at);
    if (found === undefined) return [];
    at = found;
    if (nameAt(tail, found) !== reportName) continue;
    const length = tail.getUint32(found + 20, true);
    const offset = tail.getUint32(found + 42, true);
    // The report is written directly before the list of entries, also where its offset does not fit into four bytes.
    const start = offset === 0xffffffff ? undefined : offset;
    return start === undefined || length > mostReport ? [`see “${reportName}” in it`] : linesAt(zip, start, length);
  }
}

async function linesAt(zip: Blob, start: number, length: number): Promise<string[]> {
  const head = await viewOf(zip, start, Math.min(zip.size, start + 30));
  if (head.byteLength < 30 || head.getUint32(0, true) !== localSignature || head.getUint16(8, true) !== 0)
    return [`see “${reportName}” in it`];
  const from = start + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  return (await zip.slice(from, from + length).text()).split('\n').filter((line) => line !== '');
}

function nameAt(view: DataView, entry: number): string {
  if (entry + entryLength > view.byteLength) return '';
  const length = Math.min(view.getUint16(entry + 28, true), view.byteLength - entry - entryLength);
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + entry + entryLength, length));
}

function lastIndexOf(view: DataView, signature: number, from: number): number | undefined {
  for (let at = from; at >= 0; at--) if (view.getUint32(at, true) === signature) return at;
  return undefined;
}

const viewOf = async (blob: Blob, from: number, to: number): Promise<DataView> =>
  new DataView(await blob.slice(from, to).arrayBuffer());
