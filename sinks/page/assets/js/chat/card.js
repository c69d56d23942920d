/** A card about somebody who wrote: who they are here, what they said, and what a moderator can do. */

import { avatar } from '../channels.js';
import { el, iconButton } from '../dom.js';
import { badges } from './line.js';
import { rich } from './text.js';

/** Messages that the card shows. */
const LAST = 5;
const TIMEOUTS = [[60, '1 min'], [600, '10 min'], [3600, '1 h'], [86_400, '1 day']];

/** Gives `{ element, show(user) }`. `act`: `{ mention(login), moderate(do, values) }`. */
export function userCard(log, room, act) {
  const element = el('section', { class: 'chat-panel card-panel', role: 'dialog', 'aria-label': 'User', tabindex: '-1', hidden: true });
  let before = null;

  const hide = () => {
    element.hidden = true;
    if (before?.isConnected) before.focus({ preventScroll: true });
  };
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    hide();
  });
  const button = (label, run, danger) =>
    el('button', { type: 'button', class: danger ? 'small-button small-button--danger' : 'small-button', onClick: () => {
      hide();
      run();
    } }, label);

  function tools(user) {
    if (!room.moderates || user.id === room.user?.id) return null;
    const one = { user: user.login };
    return el(
      'div',
      { class: 'card-panel__tools' },
      el('div', { class: 'button-row', role: 'group', 'aria-label': 'Time out' }, el('span', { class: 'button-row__label' }, 'Time out'), TIMEOUTS.map(([seconds, label]) => button(label, () => act.moderate('timeout', { ...one, seconds }), true))),
      el('div', { class: 'button-row' }, button('Ban', () => act.moderate('ban', one), true), button('Lift ban or time-out', () => act.moderate('unban', one))),
      room.you.broadcaster &&
        el(
          'div',
          { class: 'button-row' },
          button('Make moderator', () => act.moderate('grant', { ...one, role: 'moderator' })),
          button('Make VIP', () => act.moderate('grant', { ...one, role: 'vip' })),
          button('Take roles', () => ['moderator', 'vip'].forEach((role) => act.moderate('revoke', { ...one, role }))),
        ),
    );
  }

  function show(user) {
    before = document.activeElement;
    const said = log.of(user.id);
    const last = said.at(-1);
    element.setAttribute('aria-label', user.name);
    const parts = [
      iconButton('close', 'Close', hide, { class: 'icon-button chat-panel__close' }),
      el(
        'div',
        { class: 'card-panel__head' },
        avatar({ display_name: user.name, login: user.login }, { class: 'avatar avatar--large' }),
        el('div', {}, el('h3', { class: 'card-panel__name' }, user.name), el('p', { class: 'card-panel__login' }, `@${user.login}`), el('p', { class: 'line__badges' }, badges(last?.badges))),
      ),
      el('div', { class: 'button-row' }, room.user && button('Mention', () => act.mention(user.login)), el('a', { class: 'small-button', href: `/${user.login}` }, 'Channel')),
      said.length > 0 && el('ul', { class: 'card-panel__said', 'aria-label': 'Last messages' }, said.slice(-LAST).map((event) => el('li', {}, rich(event.text, event.emotes, null)))),
      tools(user),
    ];
    element.replaceChildren(...parts.filter(Boolean));
    element.hidden = false;
    element.focus({ preventScroll: true });
  }
  return { element, show, hide };
}
