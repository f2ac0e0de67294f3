/* global document -- a page's own script, not the gateway's */
/** Shows how the run stands and what it says; asks again while it runs and when somebody presses a button. */
const byId = (id) => document.getElementById(id);
const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;

function tell({ state, code, signal, startedAt, endedAt, command }) {
  byId('command').textContent = command.join(' ');
  const isRunning = state === 'running';
  byId('state').textContent = {
    waiting: 'It has not run yet.',
    running: 'It runs.',
    done: `It ended well after ${seconds(startedAt, endedAt)}.`,
    failed: signal
      ? `It was ended by ${signal} after ${seconds(startedAt, endedAt)}.`
      : code === undefined
        ? 'It could not be started.'
        : `It ended with exit code ${code} after ${seconds(startedAt, endedAt)}.`,
  }[state];
  byId('run').hidden = isRunning;
  byId('run').textContent = state === 'waiting' ? 'Run' : 'Run again';
  byId('stop').hidden = !isRunning;
}

const state = async () => (await fetch('state')).json();

async function show() {
  tell(await state());
  const output = byId('output');
  output.textContent = '';
  const reader = (await fetch('output')).body.pipeThrough(new TextDecoderStream()).getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const isAtEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
    output.append(value);
    if (isAtEnd) output.scrollTop = output.scrollHeight;
  }
  tell(await state());
}

const ask = (path) => fetch(path, { method: 'POST', headers: { 'x-requested-by': 'page' } });
byId('run').addEventListener('click', async () => {
  await ask('run');
  await show();
});
byId('stop').addEventListener('click', () => ask('stop'));
await show();
