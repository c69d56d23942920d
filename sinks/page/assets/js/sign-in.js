/** Signing in with an access token, on the dashboard and before channels that are not for everybody. */

import { el, setText } from './dom.js';
import { signIn } from './session.js';

const UNREACHABLE = 'The platform does not answer. Try again.';

/** A form; `onDone()` once somebody is signed in. */
export function signInForm(onDone, attributes = {}) {
  const token = el('input', { type: 'password', class: 'field', name: 'token', autocomplete: 'off', required: true, spellcheck: 'false' });
  const trouble = el('p', { class: 'dialog__trouble', role: 'alert' });
  const submit = el('button', { type: 'submit', class: 'button' }, 'Sign in');
  const form = el(
    'form',
    { class: 'dialog__form', ...attributes },
    el('h2', {}, 'Sign in'),
    el('label', { class: 'dialog__label' }, 'Access token', token),
    el('p', { class: 'dialog__how' }, 'An account and its token are made by ', el('code', {}, './chronicast account create NAME'), ' where the platform runs. It is kept until this tab is closed.'),
    trouble,
    submit,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    setText(trouble, '');
    try {
      if (await signIn(token.value.trim())) {
        form.reset(); // the token stays nowhere in the page
        onDone();
      } else setText(trouble, 'Nobody has this token. Look whether it was copied whole.');
    } catch {
      setText(trouble, UNREACHABLE);
    }
    submit.disabled = false;
  });
  return form;
}
