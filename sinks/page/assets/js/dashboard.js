/** The creator's page: what the encoder needs, and how the broadcast is doing. */

import { avatar } from './channels.js';
import { el } from './dom.js';
import { goingLive } from './going-live.js';
import { healthSection } from './health.js';
import { restrictionSection } from './restriction.js';
import { resume, signOut, user } from './session.js';
import { signInForm } from './sign-in.js';

/** A section with `show()` and `leave()`. */
export function dashboardPage() {
  const live = goingLive();
  const health = healthSection();
  const watching = restrictionSection();
  const who = el('div', { class: 'dashboard__who' });
  const board = el('div', { class: 'dashboard__board', hidden: true }, live, watching, health);
  let open = false;

  const apply = () => {
    const me = user();
    form.hidden = me !== null;
    board.hidden = me === null;
    health.watch(open && me ? me.login : null);
    watching.show(open ? me : null);
    if ((who.dataset.login ?? '') === (me?.login ?? '')) return;
    who.dataset.login = me?.login ?? '';
    const leave = el('button', { type: 'button', class: 'button button--plain', onClick: () => { signOut(); live.reset(); apply(); } }, 'Sign out');
    who.replaceChildren(...(me ? [avatar({ login: me.login, display_name: me.login }), el('a', { href: `/${me.login}` }, me.login), leave] : []));
  };
  const form = signInForm(apply, { class: 'panel dialog__form dashboard__sign-in' });
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
