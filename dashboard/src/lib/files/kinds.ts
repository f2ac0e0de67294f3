/** What stands in a folder, as pictures and words. */
import File from '@lucide/svelte/icons/file';
import FileArchive from '@lucide/svelte/icons/file-archive';
import FileAudio from '@lucide/svelte/icons/file-music';
import FileCode from '@lucide/svelte/icons/file-code';
import FileImage from '@lucide/svelte/icons/file-image';
import FileQuestion from '@lucide/svelte/icons/file-question-mark';
import FileSpreadsheet from '@lucide/svelte/icons/file-spreadsheet';
import FileText from '@lucide/svelte/icons/file-text';
import FileVideo from '@lucide/svelte/icons/file-play';
import Folder from '@lucide/svelte/icons/folder';
import Link from '@lucide/svelte/icons/link-2';
import Notebook from '@lucide/svelte/icons/notebook';
import type { FileEntry } from '#lib/contract.ts';

const byEnding: [RegExp, typeof File][] = [
  [/\.(png|jpe?g|gif|webp|avif|bmp|svg|tiff?)$/i, FileImage],
  [/\.(csv|tsv|xlsx?|ods|parquet)$/i, FileSpreadsheet],
  [/\.(txt|md|log|pdf|docx?|odt|rst|tex)$/i, FileText],
  [/\.(py|r|jl|sh|js|ts|json|ya?ml|toml|c|h|cpp|rs|go|java|html?|css|sql)$/i, FileCode],
  [/\.ipynb$/i, Notebook],
  [/\.(zip|gz|tgz|xz|bz2|zst|7z|tar|rar)$/i, FileArchive],
  [/\.(mp3|ogg|wav|flac|m4a)$/i, FileAudio],
  [/\.(mp4|webm|mov|mkv|avi)$/i, FileVideo],
];

export function iconOf({ kind, name }: Pick<FileEntry, 'kind' | 'name'>): typeof File {
  if (kind === 'folder') return Folder;
  if (kind === 'link') return Link;
  if (kind === 'other') return FileQuestion;
  return byEnding.find(([ending]) => ending.test(name))?.[1] ?? File;
}

/** What is neither file nor folder, in words; undefined for those. */
export function kindWords({ kind }: Pick<FileEntry, 'kind'>): string | undefined {
  if (kind === 'link') return 'a link: it is not followed here';
  return kind === 'other' ? 'no regular file' : undefined;
}
