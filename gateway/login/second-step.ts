import type { FastifyReply } from 'fastify';
import { pageHeadersWith, pageScript } from '../lib/index.ts';
import { type FormPage, renderFormPage } from './pages.ts';

/**
 * The page of a second step: who somebody is was said already, and now they prove it (again). It is the one sign-in page that may run
 * a script, exactly this one (decision 0024). The form works without it, whether scripts are off, refused or too old: what needs
 * the script is put into the page by the script itself, so that nobody sees what they cannot use.
 */
export function sendSecondStep(reply: FastifyReply, page: FormPage, status = 200): FastifyReply {
  return reply
    .code(status)
    .headers(pageHeadersWith(secondStepScript))
    .send(renderFormPage({ ...page, script: secondStepScript }));
}

/** Says at the password that Caps Lock is on: the usual reason why what is typed blindly, and known well, is refused. */
const secondStepScript = pageScript(`
const field = document.querySelector('input[type=password]');
const note = document.createElement('p');
note.className = 'hint';
note.setAttribute('role', 'status');
field?.after(note);
const look = (event) => {
  if (event.getModifierState === undefined) return;
  note.textContent = event.getModifierState('CapsLock') ? 'Caps Lock is on.' : '';
};
field?.addEventListener('keydown', look);
field?.addEventListener('keyup', look);
field?.addEventListener('blur', () => (note.textContent = ''));
`);
