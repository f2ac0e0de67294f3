/**
 * PDF without a viewer of the browser: those refuse a sandboxed page, and outside of one the file would be a document of this origin.
 * pdf.js draws pages on a canvas; scripts, forms, links and attachments of the file are left out because nothing here asks for them.
 */
import { getDocument, GlobalWorkerOptions, type PDFDocumentLoadingTask } from 'pdfjs-dist';
import workerAddress from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { bytesAt } from '#lib/api/files.ts';
import { readAsset } from '#lib/api/request.ts';
import type { Place } from '#lib/files/place.ts';

const assets: Record<string, string> = {
  ...import.meta.glob<string>('/../node_modules/pdfjs-dist/{cmaps,standard_fonts,wasm}/*.{bcmap,pfb,ttf,wasm}', {
    query: '?url',
    import: 'default',
    eager: true,
    exhaustive: true,
  }),
};
const addresses = new Map(
  Object.entries(assets).map(([path, address]) => [path.slice(path.lastIndexOf('/') + 1), address]),
);

/** Fetches what a file may need beside itself: tables of characters, the fonts everybody is expected to have, decoders. */
class Assets {
  fetch = ({ filename }: { filename: string }): Promise<Uint8Array> => readAsset(addresses.get(filename) ?? filename);
}

/** Opens a document; its parts are fetched by ranges as pages are drawn. The caller destroys it. */
export function openPdf(place: Place): PDFDocumentLoadingTask {
  GlobalWorkerOptions.workerSrc = workerAddress;
  return getDocument({
    url: bytesAt(place),
    BinaryDataFactory: Assets,
    useWorkerFetch: false,
    disableAutoFetch: true,
    disableStream: true,
    rangeChunkSize: 256 * 1024,
    // Pixels of one picture; larger ones are left out.
    maxImageSize: 64_000_000,
    enableXfa: false,
    verbosity: 0,
  });
}

export { TextLayer } from 'pdfjs-dist';
