/** The creator's page: what the encoder needs, and how the broadcast is doing. */

import { avatar } from './channels.js';
import { el, setText } from './dom.js';
import { goingLive } from './going-live.js';
import { healthSection } from './health.js';
import { resume, signIn, signOut, user } from './session.js';

const UNREACHABLE = 'The platform does not answer. Try again.';

function signInForm(onDone) {
  const token = el('input', { type: 'password', class: 'field', name: 'token', autocomplete: 'off', required: true, spellcheck: 'false', 'aria-describedby': 'creator-how' });
  const trouble = el('p', { class: 'dialog__trouble', role: 'alert' });
  const submit = el('button', { type: 'submit', class: 'button' }, 'Sign in');
  const form = el(
    'form',
    { class: 'panel dialog__form dashboard__sign-in' },
    el('h2', {}, 'Sign in'),
    el('label', { class: 'dialog__label' }, 'Access token', token),
    el('p', { id: 'creator-how', class: 'dialog__how' }, 'An account and its token are made by ', el('code', {}, './chronicast account create NAME'), ' where the platform runs. It is kept until this tab is closed.'),
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

/** A section with `show()` and `leave()`. */
export function dashboardPage() {
  const live = goingLive();
  const health = healthSection();
  const who = el('div', { class: 'dashboard__who' });
  const board = el('div', { class: 'dashboard__board', hidden: true }, live, health);
  let open = false;

  const apply = () => {
    const me = user();
    form.hidden = me !== null;
    board.hidden = me === null;
    health.watch(open && me ? me.login : null);
    if ((who.dataset.login ?? '') === (me?.login ?? '')) return;
    who.dataset.login = me?.login ?? '';
    const leave = el('button', { type: 'button', class: 'button button--plain', onClick: () => { signOut(); live.reset(); apply(); } }, 'Sign out');
    who.replaceChildren(...(me ? [avatar({ login: me.login, display_name: me.login }), el('a', { href: `/${me.login}` }, me.login), leave] : []));
  };
  const form = signInForm(apply);
  const section = el('section', { class: 'page dashboard', hidden: true }, el('div', { class: 'page__head' }, el('h1', { class: 'page__title' }, 'Creator dashboard'), who), form, board);

  section.show = async () => {
    document.title = 'Creator dashboard – Chronicast';
    open = true;
    await resume().catch(() => null); // signed in at the next look
    if (open) apply();
  };
  section.leave = () => {
    if (!open) return;
    open = false;
    live.reset();
    health.watch(null);
  };
  return section;
}
