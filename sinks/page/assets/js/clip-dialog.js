/** Asks for a clip of what is on screen, and follows it until it is ready. */

import { ask, clip as fetchClip } from './api.js';
import { el, iconButton, setText } from './dom.js';

const LOOK_MS = 500;
const SHORTEST_S = 5;
const LONGEST_S = 60;
const USUAL_S = 30;

/** `view`: `{ player, channelId() }`; `account`: `{ token(), signIn() }`. Gives a function that opens it. */
export function clipDialog(view, account) {
  const title = el('input', { class: 'field', name: 'title', maxlength: '140', autocomplete: 'off', placeholder: 'What happens in it' });
  const words = el('output', { class: 'clip-form__length' });
  const length = el('input', { type: 'range', class: 'clip-form__slider', name: 'length', min: String(SHORTEST_S), max: String(LONGEST_S), step: '1', value: String(USUAL_S), 'aria-label': 'Length in seconds' });
  const trouble = el('p', { class: 'dialog__trouble', role: 'alert' });
  const submit = el('button', { type: 'submit', class: 'button' }, 'Create clip');
  const picture = el('img', { class: 'clip-form__picture', alt: '', width: '320', height: '180', hidden: true });
  const state = el('p', { class: 'clip-form__state', role: 'status' });
  const link = el('a', { class: 'button', hidden: true }, 'Watch the clip');
  const again = el('button', { type: 'button', class: 'button', hidden: true }, 'Try again');
  const form = el(
    'form',
    { class: 'dialog__form' },
    el('label', { class: 'dialog__label' }, 'Title', title),
    el('label', { class: 'dialog__label' }, 'Length', words, length),
    el('p', { class: 'dialog__how' }, 'The clip ends with the picture that was on screen when you pressed the button.'),
    trouble,
    submit,
  );
  const outcome = el('div', { class: 'clip-form__outcome', hidden: true }, picture, state, link, again);
  const dialog = el(
    'dialog',
    { class: 'help dialog', 'aria-labelledby': 'clip-title', onClick: (event) => event.target === dialog && dialog.close() },
    el('h2', { id: 'clip-title' }, 'Clip this moment'),
    iconButton('close', 'Close', () => dialog.close(), { class: 'icon-button help__close' }),
    form,
    outcome,
  );
  document.body.append(dialog);
  link.addEventListener('click', () => dialog.close());
  const say = () => setText(words, `${length.value} s`);
  length.addEventListener('input', say);

  let moment = NaN; // the picture on screen, ms since 1970
  let timer = 0;

  /** Looks until the clip is ready or has failed. */
  async function follow(id) {
    clearTimeout(timer);
    let told = null;
    try {
      told = await fetchClip(id);
    } catch {
      // The platform does not answer; the next look comes soon.
    }
    if (told !== null && (picture.hidden || told.status === 'ready')) {
      picture.src = told.status === 'ready' ? `${told.thumbnail}?ready` : told.thumbnail;
      picture.hidden = false;
    }
    const status = told?.status ?? 'processing';
    outcome.dataset.status = status;
    setText(state, status === 'ready' ? 'Your clip is ready.' : status === 'failed' ? `It could not be made: ${told.cause}.` : 'Your clip is being made …');
    link.hidden = status !== 'ready';
    again.hidden = status !== 'failed';
    if (status === 'ready') link.href = told.page;
    again.onclick = async () => {
      again.hidden = true;
      try {
        await ask(`/helix/clips/retry?id=${id}`, account.token());
        follow(id);
      } catch (error) {
        setText(state, error.message);
      }
    };
    if (status === 'processing' && dialog.open) timer = setTimeout(() => follow(id), LOOK_MS);
  }

  picture.addEventListener('error', () => (picture.hidden = true)); // there is none yet
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    setText(trouble, '');
    const values = { broadcaster_id: view.channelId(), title: title.value, duration: length.value };
    if (Number.isFinite(moment)) values.at = String(Math.round(moment));
    try {
      const { data } = await ask(`/helix/clips?${new URLSearchParams(values)}`, account.token());
      form.hidden = true;
      outcome.hidden = false;
      follow(data[0].id);
    } catch (error) {
      setText(trouble, error.message);
    }
    submit.disabled = false;
  });

  return () => {
    if (!view.channelId() || !view.player.engine) return;
    if (account.token() === null) {
      account.signIn();
      return;
    }
    moment = view.player.engine.playingDate;
    form.reset();
    say();
    setText(trouble, '');
    form.hidden = false;
    for (const one of [outcome, picture, link, again]) one.hidden = true;
    dialog.showModal();
  };
}
