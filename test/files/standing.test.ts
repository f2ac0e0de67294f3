import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { standing } from '../../gateway/files/look/standing.ts';
import { pathOfText } from '../../gateway/files/walk/names.ts';
import { ann, openScene } from './scene.ts';

t.test('a folder is the same by what it is, not by where it is', async (t) => {
  const { areas, root } = await openScene(t);
  const at = join(root, 'a/results');
  const look = (before: string | null) => standing(areas, ann, pathOfText('a/results'), before);
  mkdirSync(at, { recursive: true });
  const { state, mark } = look(null);
  t.equal(state, 'same', 'nothing was known');
  writeFileSync(join(at, 'x'), 'x');
  t.same(look(mark), { state: 'same', mark }, 'written into');
  renameSync(at, join(root, 'elsewhere'));
  t.same(look(mark), { state: 'gone', mark });
  renameSync(join(root, 'elsewhere'), at);
  t.same(look(mark), { state: 'same', mark }, 'back');
  // Disks give a number that is free to the next one.
  rmSync(at, { recursive: true });
  mkdirSync(at);
  t.equal(look(mark).state, 'other', 'made anew');
  rmSync(at, { recursive: true });
  writeFileSync(at, 'a file');
  t.equal(look(mark).state, 'other', 'a file in its place');
  rmSync(at);
  symlinkSync('/', at);
  t.equal(look(mark).state, 'other', 'a link in its place');
  t.equal(look(null).state, 'gone', 'a link is nothing that could be shared');
  rmSync(join(root, 'a'), { recursive: true });
  symlinkSync('/', join(root, 'a'));
  t.equal(look(mark).state, 'gone', 'a link on the way');
});

t.test('a file is the same however it is saved, until somebody saw that there was none', async (t) => {
  const { areas, root } = await openScene(t);
  const at = join(root, 'paper.txt');
  const look = (before: string | null) => standing(areas, ann, pathOfText('paper.txt'), before);
  writeFileSync(at, 'one');
  const { mark } = look(null);
  writeFileSync(join(root, 'new'), 'two');
  renameSync(join(root, 'new'), at);
  t.same(look(mark), { state: 'same', mark }, 'saved by putting another in its place');
  rmSync(at);
  const gone = look(mark);
  t.equal(gone.state, 'gone');
  t.not(gone.mark, mark, 'which is remembered');
  writeFileSync(at, 'of somebody else');
  t.equal(look(gone.mark).state, 'other');
});

t.test(
  'an area that is brought from elsewhere keeps what it shares; one whose disk is away loses nothing',
  async (t) => {
    const { areas, root } = await openScene(t);
    mkdirSync(join(root, 'results'));
    writeFileSync(join(root, 'paper.txt'), 'one');
    const look = (path: string, before: string | null) => standing(areas, ann, pathOfText(path), before);
    const [folder, file] = [look('results', null).mark, look('paper.txt', null).mark];
    renameSync(root, `${root}.away`);
    mkdirSync(root);
    t.same(look('results', folder), { state: 'gone', mark: folder });
    t.same(look('paper.txt', file), { state: 'gone', mark: file }, 'not noted as gone');
    mkdirSync(join(root, 'results'));
    writeFileSync(join(root, 'paper.txt'), 'one');
    const brought = look('results', folder);
    t.equal(brought.state, 'same');
    t.not(brought.mark, folder, 'known anew');
    t.equal(look('paper.txt', file).state, 'same');
  },
);

t.test('a look makes nothing', async (t) => {
  const { areas, root } = await openScene(t);
  writeFileSync(join(root, 'paper.txt'), 'one');
  const look = (before: string | null) => standing(areas, ann, pathOfText('paper.txt'), before);
  const { mark } = look(null);
  rmSync(root, { recursive: true });
  t.same(look(mark), { state: 'gone', mark }, 'which says nothing of the file: its disk may be away');
  t.notOk(existsSync(root));
  t.equal(standing(areas, ann, [], null).state, 'gone');
  t.notOk(existsSync(root));
});
