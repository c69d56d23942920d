/** What a creator gives his encoder: server and stream key, and how. */

import { el, iconButton, relabel, setText } from './dom.js';
import { helix, user } from './session.js';

/** As long the button says that it has copied. */
const SAID_MS = 2000;

/** A value with a button that copies it; `set(value)`. A secret one is covered until it is asked for. */
function copied(label, secret) {
  const input = el('input', { class: 'field copied__value', readonly: true, type: secret ? 'password' : 'text', 'aria-label': label, autocomplete: 'off', onFocus: () => input.select() });
  const copy = iconButton('copy', `Copy ${label.toLowerCase()}`, async () => {
    try {
      await navigator.clipboard.writeText(input.value);
    } catch {
      input.type = 'text'; // without the right to the clipboard it is selected, to be copied by hand
      input.focus();
      return;
    }
    relabel(copy, 'check', 'Copied');
    setTimeout(() => relabel(copy, 'copy', `Copy ${label.toLowerCase()}`), SAID_MS);
  });
  const show = secret && el('button', { type: 'button', class: 'button button--plain', 'aria-pressed': 'false' }, 'Show');
  if (show) {
    show.addEventListener('click', () => {
      input.type = input.type === 'text' ? 'password' : 'text';
      setText(show, input.type === 'text' ? 'Hide' : 'Show');
      show.setAttribute('aria-pressed', String(input.type === 'text'));
    });
  }
  // a form, as browsers ask of what holds a secret; it is sent nowhere
  const node = el('form', { class: 'copied', hidden: true, onSubmit: (event) => event.preventDefault() }, el('span', { class: 'copied__label' }, label), el('span', { class: 'copied__row' }, input, show, copy));
  node.set = (value) => {
    node.hidden = !value;
    input.value = value ?? '';
    if (secret) input.type = 'password';
  };
  return node;
}

const RECIPE = [
  'Settings → Stream: choose “Custom …” as the service.',
  'Paste the server and the stream key from above.',
  'Settings → Output: encoder x264 or NVENC, rate control CBR, 6000 kbit/s at most, keyframe interval 2 s, audio AAC.',
  'Settings → Video: 1920 × 1080 at 60 fps, or less.',
  'Start streaming: your page plays within ten seconds.',
];

/** A section with `reset()`, which forgets a key that is shown. */
export function goingLive() {
  const server = copied('Server', false);
  const key = copied('Stream key', true);
  const once = el('p', { class: 'dialog__how', hidden: true }, 'The key is shown this once: it is not kept here. A key made before is refused from now on.');
  const trouble = el('p', { class: 'dialog__trouble', role: 'alert' });
  const make = el('button', { type: 'button', class: 'button' }, 'Get server and a new key');

  async function ask() {
    const who = user();
    const { status, body } = await helix('streams', { method: 'POST', body: JSON.stringify({ latency: 'low' }) });
    if (who !== user()) return; // signed out meanwhile: the answer is another's
    const told = body.data?.[0];
    if (status === 201 && told) {
      server.set(told.ingest_endpoint);
      key.set(told.stream_key);
      once.hidden = false;
      return;
    }
    const absent = status === 404 || status === 405;
    setText(trouble, absent ? `Keys are made where the platform runs: ./chronicast account rotate-key ${who.login}` : (body.message ?? `The platform answered ${status}.`));
  }

  make.addEventListener('click', async () => {
    make.disabled = true;
    setText(trouble, '');
    await ask().catch(() => setText(trouble, 'The platform does not answer. Try again.'));
    make.disabled = false;
  });
  const section = el(
    'section',
    { class: 'panel', 'aria-labelledby': 'going-live-title' },
    el('h2', { id: 'going-live-title' }, 'Go live'),
    el('p', { class: 'dialog__how' }, 'Stream keys are kept as a digest only, so the present one cannot be shown: make a new one.'),
    server,
    key,
    once,
    trouble,
    make,
    el('h3', {}, 'OBS'),
    el('ol', { class: 'recipe' }, RECIPE.map((step) => el('li', {}, step))),
  );
  section.reset = () => {
    server.set(null);
    key.set(null);
    once.hidden = true;
    setText(trouble, '');
  };
  return section;
}
