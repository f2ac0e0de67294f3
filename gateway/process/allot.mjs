/**
 * Allots an account of the machine, under a lock that its caller holds (flock(1), the same as `launch/accounts.py` takes). Prints the
 * numbers as JSON. Nothing is left half written: the record is replaced as a whole.
 */
import { existsSync, fsyncSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const { file, homes, first, count, name } = JSON.parse(process.argv[2]);
const record = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { group: null, people: {} };

if (record.group === null || !Object.hasOwn(record.people, name)) {
  const known = numbersIn('/etc/passwd');
  const groups = numbersIn('/etc/group');
  const owners = new Set(existsSync(homes) ? readdirSync(homes).map((home) => lstatSync(join(homes, home)).uid) : []);
  const taken = new Set([record.group, ...Object.values(record.people)]);
  const free = (others) => {
    for (let number = first; number < first + count; number += 1) {
      if (!taken.has(number) && !owners.has(number) && !others.has(number)) return number;
    }
    console.error('no account is left: raise integrations.jupyterhub.accounts.count in knot.yaml');
    process.exit(1);
  };
  if (record.group === null) {
    record.group = free(groups);
    taken.add(record.group);
  }
  if (!Object.hasOwn(record.people, name)) {
    // A record that was lost does not lead to a second number.
    const home = join(homes, name);
    const owner = existsSync(home) ? lstatSync(home).uid : undefined;
    const isOwn = owner !== undefined && owner >= first && owner < first + count && !taken.has(owner);
    record.people[name] = isOwn ? owner : free(known);
  }
  write(record);
}
process.stdout.write(JSON.stringify({ uid: record.people[name], gid: record.group }));

/** Numbers that the machine has for something else. */
function numbersIn(path) {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return new Set(lines.map((line) => Number(line.split(':')[2])));
}

function write(value) {
  const fresh = openSync(`${file}.new`, 'w', 0o600);
  writeSync(fresh, JSON.stringify(value, undefined, 1));
  fsyncSync(fresh);
  renameSync(`${file}.new`, file);
}
