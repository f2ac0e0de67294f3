/** A grafana.ini, as Grafana reads one: sections and keys, comments by `;` and `#`. */
export type Configuration = Record<string, Record<string, string>>;

export function readConfiguration(text: string): Configuration {
  const sections: Configuration = {};
  let section: Record<string, string> = (sections['DEFAULT'] = {});
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '' || /^[;#]/.test(words)) continue;
    const heading = /^\[(.+)\]$/.exec(words)?.[1];
    if (heading !== undefined) {
      section = sections[heading] ??= {};
      continue;
    }
    const at = words.indexOf('=');
    if (at === -1) throw new Error(`not a line of grafana.ini: ${line}`);
    section[words.slice(0, at).trim()] = words.slice(at + 1).trim();
  }
  return sections;
}
