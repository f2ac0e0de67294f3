import { archiveOf, boxEntries, images, programAt } from '../node/images.ts';
import { argoExecutor } from './build.ts';

/** The archive of what stands beside each step of a workflow, for `node.import`; its name is `images.argoexec`. */
export async function executorArchive(): Promise<string> {
  const program = await argoExecutor();
  return archiveOf('argoexec', [program], [boxEntries, () => programAt(program, 'bin/argoexec')], {
    entrypoint: ['/bin/argoexec'],
  });
}

export const executorImage = images.argoexec;
