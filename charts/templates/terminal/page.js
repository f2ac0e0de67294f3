/* global document, location, addEventListener, Terminal, FitAddon -- a page's own script, after those of its library */
const terminal = new Terminal({ fontSize: 14, theme: { background: '#111827' }, screenReaderMode: true });
const fit = new FitAddon.FitAddon();
terminal.loadAddon(fit);
terminal.open(document.querySelector('main'));
fit.fit();
const address = new URL('shell', location.href);
address.protocol = address.protocol.replace('http', 'ws');
const socket = new WebSocket(address);
socket.binaryType = 'arraybuffer';
const tellSize = () => socket.readyState === 1 && socket.send(JSON.stringify([terminal.cols, terminal.rows]));
socket.addEventListener('open', tellSize);
socket.addEventListener('message', ({ data }) =>
  terminal.write(typeof data === 'string' ? data : new Uint8Array(data)),
);
socket.addEventListener('close', () => (document.querySelector('p').hidden = false));
terminal.onData((typed) => socket.readyState === 1 && socket.send(new TextEncoder().encode(typed)));
terminal.onResize(tellSize);
addEventListener('resize', () => fit.fit());
terminal.focus();
