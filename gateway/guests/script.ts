import { pageScript } from '../lib/index.ts';

/**
 * Sends the files of the form one by one, with how far each is; the form works without it. What came is told by the answer of each, in
 * words of the gateway. Nothing of a name becomes markup: everything is set as text.
 */
export const sendScript = pageScript(`
const form = document.querySelector('form[enctype]');
const input = form?.querySelector('input[type=file]');
const button = form?.querySelector('button');
const drop = form?.querySelector('.drop');
const add = (parent, tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
};
let isSending = false;
if (form && input && button && drop) {
  const rows = document.createElement('ul');
  rows.className = 'files';
  const said = document.createElement('p');
  said.setAttribute('role', 'status');
  form.after(said, rows);
  const send = (file) =>
    new Promise((done) => {
      const row = add(rows, 'li');
      add(row, 'span');
      add(add(row, 'span', 'name'), 'bdi', '', file.name);
      const about = add(row, 'span', 'about', 'Sending…');
      const bar = add(row, 'progress');
      bar.className = 'about';
      bar.setAttribute('aria-label', file.name);
      bar.max = 1;
      bar.value = 0;
      const end = (text, isBad) => {
        about.textContent = text;
        about.classList.toggle('bad', isBad);
        bar.remove();
        done(!isBad);
      };
      const line = new XMLHttpRequest();
      line.open('POST', form.action);
      line.setRequestHeader('accept', 'application/json');
      line.upload.addEventListener('progress', ({ loaded, total }) => {
        bar.value = total > 0 ? loaded / total : 0;
        about.textContent = loaded < total ? Math.floor((100 * loaded) / total) + ' %' : 'Being kept…';
      });
      line.addEventListener('load', () => {
        let answer = {};
        try {
          answer = JSON.parse(line.responseText);
        } catch {
          // No JSON: the status says what there is to say.
        }
        const refused = answer.refused?.[0]?.message ?? (line.status >= 400 ? answer.message : undefined);
        if (answer.received === 1) end('Received', false);
        else end(refused ?? 'It was not received.', true);
      });
      line.addEventListener('error', () => end('The line was cut. Reload the page: perhaps the link has ended.', true));
      const body = new FormData();
      body.append('file', file);
      line.send(body);
    });
  const sendAll = async (files) => {
    if (isSending || files.length === 0) return;
    isSending = true;
    button.disabled = true;
    let received = 0;
    for (const [index, file] of files.entries()) {
      said.textContent = 'Sending ' + (index + 1) + ' of ' + files.length + '. Keep this page open.';
      if (await send(file)) received += 1;
    }
    said.textContent = received + ' of ' + files.length + (files.length === 1 ? ' file' : ' files') + ' received.';
    isSending = false;
    button.disabled = false;
    input.value = '';
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    sendAll([...input.files]);
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  addEventListener('dragleave', () => drop.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    sendAll([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener('beforeunload', (event) => {
    if (isSending) event.preventDefault();
  });
}
`);
