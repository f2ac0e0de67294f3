import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { knotIconAddress, knotMark, pageBadge, pageStyle, progressRing } from '../../lib/index.ts';

/**
 * Puts the hub's pages into the data folder, in Knot's look: templates and what they are filled with, which is markup of our own, an
 * address and what people call the notebooks.
 */
export function writePages(folder: string, { home, title }: { home: string; title: string }): void {
  const pages = pagesFolderOf(folder);
  // Whole, so that no page of an earlier release stays.
  rmSync(pages, { recursive: true, force: true });
  cpSync(join(import.meta.dirname, 'pages'), pages, { recursive: true });
  const tones = ['lock', 'search', 'working', 'asleep', 'failed', 'ready'] as const;
  const pictures = Object.fromEntries(tones.map((tone) => [tone, pageBadge(tone).markup]));
  const ring = progressRing({ step: 'Starting' }).markup;
  const look = { home, title, icon: knotIconAddress, mark: knotMark.markup, style: pageStyle, pictures, ring };
  writeFileSync(join(pages, 'look.json'), JSON.stringify(look));
}

function pagesFolderOf(folder: string): string {
  return join(folder, 'hub/pages');
}

/** Settings for pages of our own in place of the hub's, and for the id that finds a request again in its log. */
export function pageSettings(folder: string): string {
  const pages = JSON.stringify(pagesFolderOf(folder));
  return `import datetime
import json
import secrets
import time

from jupyterhub.handlers.base import BaseHandler

c.JupyterHub.template_paths = [${pages}]
with open(os.path.join(${pages}, "look.json"), encoding="utf-8") as file:
    c.JupyterHub.template_vars = {"knot": {**json.load(file), "now": time.time, "utc": datetime.timezone.utc}}

namespace_of_hub = BaseHandler.template_namespace.fget
write_error_of_hub = BaseHandler.write_error


def namespace_of_knot(handler):
    request = handler.request
    # A form is not sent again by a link; a path that begins with two slashes would be another host.
    is_repeatable = request.method == "GET" and not request.uri.startswith("//")
    return {
        **namespace_of_hub(handler),
        "request_id": getattr(handler, "knot_request", None),
        "here": request.uri if is_repeatable else None,
    }


def write_error_of_knot(handler, status_code, **kwargs):
    handler.knot_request = secrets.token_hex(6)
    path = json.dumps(handler.request.path)
    exception = (kwargs.get("exc_info") or (None, None))[1]
    if status_code != 404:
        what = (handler.knot_request, status_code, handler.request.method, path, json.dumps(str(exception)))
        handler.log.error("Request %s: %s %s %s %s", *what)
    write_error_of_hub(handler, status_code, **kwargs)


BaseHandler.write_error = write_error_of_knot
BaseHandler.template_namespace = property(namespace_of_knot)
`;
}
