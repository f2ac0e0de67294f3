/** How a file is shown: by the end of its name, and for the rest by its first bytes. */
import { encodingOf } from './encoding.ts';

export type ViewKind =
  'image' | 'pdf' | 'audio' | 'video' | 'markdown' | 'notebook' | 'table' | 'json' | 'text' | 'other';

const endings: Record<Exclude<ViewKind, 'text' | 'other'>, readonly string[]> = {
  // Raster images and SVG, which an `img` element draws without running a script of it (SVG Integration, secure static mode).
  image: ['png', 'jpg', 'jpeg', 'gif', 'webp', 'avif', 'bmp', 'ico', 'svg'],
  pdf: ['pdf'],
  audio: ['mp3', 'ogg', 'oga', 'opus', 'wav', 'flac', 'm4a'],
  video: ['mp4', 'm4v', 'webm', 'ogv'],
  markdown: ['md', 'markdown'],
  notebook: ['ipynb'],
  table: ['csv', 'tsv'],
  json: ['json', 'geojson'],
};
const byEnding = new Map(
  Object.entries(endings).flatMap(([kind, all]) => all.map((ending) => [ending, kind as ViewKind])),
);

/** Kinds that are text in another dress: shown as such when somebody wants it, and editable. */
export const isText = (kind: ViewKind): boolean => ['markdown', 'notebook', 'table', 'json', 'text'].includes(kind);

export const endingOf = (name: string): string => /\.([A-Za-z0-9]{1,10})$/.exec(name)?.[1]?.toLowerCase() ?? '';

/** `first` are the first bytes of it. What is called text and is none is `other`; what has no known name and is text is `text`. */
export function kindOf(name: string, first: Uint8Array, size: number): ViewKind {
  const kind = byEnding.get(endingOf(name)) ?? 'text';
  if (!isText(kind)) return size === 0 ? 'other' : kind;
  return encodingOf(first, first.length === size) === undefined ? 'other' : kind;
}

const words: Record<string, string> = {
  zip: 'Zip archive',
  gz: 'Gzip archive',
  tgz: 'Gzip archive',
  tar: 'Tar archive',
  xz: 'XZ archive',
  zst: 'Zstandard archive',
  '7z': '7z archive',
  parquet: 'Parquet table',
  feather: 'Feather table',
  arrow: 'Arrow table',
  h5: 'HDF5 data',
  hdf5: 'HDF5 data',
  nc: 'NetCDF data',
  npy: 'NumPy array',
  npz: 'NumPy arrays',
  pkl: 'Python pickle',
  pt: 'PyTorch model',
  safetensors: 'Model weights',
  sqlite: 'SQLite database',
  db: 'Database',
  xlsx: 'Excel workbook',
  xls: 'Excel workbook',
  docx: 'Word document',
  pptx: 'PowerPoint presentation',
  tif: 'TIFF image',
  tiff: 'TIFF image',
};

/** What a file is called that cannot be shown. */
export function wordFor(name: string, size: number): string {
  if (size === 0) return 'Empty file';
  const ending = endingOf(name);
  return words[ending] ?? (ending === '' ? 'File' : `${ending.toUpperCase()} file`);
}
