/** Who the viewer is: signing in with an access token, and out. */

import { el, iconButton, setText } from '../dom.js';
import { openActions } from '../menu.js';
import { preferences } from '../preferences.js';

/** `host` is where menus open. Gives `{ signIn, menuButton }`. */
export function account(room, host, { onColor }) {
  const token = el('input', { type: 'password', class: 'field', name: 'token', autocomplete: 'off', required: true, spellcheck: 'false', 'aria-describedby': 'sign-in-how' });
  const keep = el('input', { type: 'checkbox', name: 'keep' });
  const trouble = el('p', { class: 'dialog__trouble', role: 'alert' });
  const submit = el('button', { type: 'submit', class: 'button' }, 'Sign in');
  const form = el(
    'form',
    { method: 'dialog', class: 'dialog__form' },
    el('label', { class: 'dialog__label' }, 'Access token', token),
    el('p', { id: 'sign-in-how', class: 'dialog__how' }, 'An account and its token are made by ', el('code', {}, './chronicast account create NAME'), ' where the platform runs. The token is shown that once.'),
    el('label', { class: 'dialog__check' }, keep, 'Keep it in this browser'),
    el('p', { class: 'dialog__how' }, 'Otherwise it is forgotten when this page is closed or loaded again. Whoever has it can write in your name.'),
    trouble,
    submit,
  );
  const dialog = el(
    'dialog',
    { class: 'help dialog', 'aria-labelledby': 'sign-in-title', onClick: (event) => event.target === dialog && dialog.close() },
    el('h2', { id: 'sign-in-title' }, 'Sign in to chat'),
    iconButton('close', 'Close', () => dialog.close(), { class: 'icon-button help__close' }),
    form,
  );
  dialog.addEventListener('close', () => {
    form.reset(); // the token stays nowhere in the page
    setText(trouble, '');
  });
  document.body.append(dialog);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const given = token.value.trim();
    submit.disabled = true;
    setText(trouble, '');
    const user = await room.become(given);
    submit.disabled = false;
    if (user === null) {
      room.become(null);
      setText(trouble, 'Nobody has this token. Look whether it was copied whole.');
      token.focus();
      return;
    }
    preferences.set('accessToken', keep.checked ? given : null);
    dialog.close();
  });

  const signOut = () => {
    preferences.set('accessToken', null);
    room.become(null);
  };
  const menuButton = iconButton('person', 'Account', () =>
    openActions(host, menuButton, 'Account', [
      { label: 'Colour of my name', icon: 'emote', run: onColor },
      { label: `Sign out ${room.user?.name ?? ''}`, icon: 'collapse', run: signOut },
    ]),
  );

  const kept = preferences.get('accessToken');
  if (kept !== null) room.become(kept);
  return { signIn: () => dialog.showModal(), menuButton };
}
