/** What a scope lets an application read, in words of a list. */
const words: Record<string, string> = {
  profile: 'your username',
  email: 'your e-mail address',
  groups: 'your teams',
};

/** `['profile', 'groups', 'offline_access']` → `['your username', 'your teams']`; `whose` replaces `your`. */
export function scopeWords(scopes: readonly string[], whose = 'your'): string[] {
  const known = scopes.filter((scope) => scope !== 'offline_access' && scope !== 'openid');
  return known.map((scope) => (words[scope] ?? scope).replace('your', whose));
}
