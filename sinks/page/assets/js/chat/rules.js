/** The room's modes and terms, for its moderators to change. */

import { el, iconButton } from '../dom.js';
import { minutes, shortly } from './modes.js';

const SLOW = [0, 3, 5, 10, 20, 30, 60, 120];
const FOLLOWING = [-1, 0, 10, 30, 60, 1440, 10_080, 43_200, 129_600];
const AUTOMOD = ['Off', 'Little', 'Some', 'More', 'Most'];

/** A button and its panel. */
export function roomRules(room, act) {
  const button = iconButton('shield', 'Rules of the room', () => toggle());
  const panel = el('section', { class: 'chat-panel rules', role: 'dialog', 'aria-label': 'Rules of the room', tabindex: '-1', hidden: true });
  button.setAttribute('aria-expanded', 'false');

  const toggle = (open = panel.hidden) => {
    panel.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    if (open) {
      sync();
      panel.focus({ preventScroll: true });
    }
  };
  const change = async (values) => {
    if (!(await act.moderate('mode', values))) sync(); // what was not done goes back to what is
  };
  const boxes = []; // (mode) => shows it
  const sync = () => boxes.forEach((put) => put(room.mode));

  function select(label, name, choices, words) {
    const option = (value) => el('option', { value: String(value) }, words(value));
    const box = el('select', { class: 'field', name, onChange: () => change({ [name]: Number(box.value) }) }, choices.map(option));
    boxes.push(({ [name]: now }) => {
      if (now === undefined) return;
      if (!choices.includes(now)) box.append(option(now)); // set by a command
      box.value = String(now);
    });
    return el('label', { class: 'rules__row' }, el('span', {}, label), box);
  }

  function check(label, name) {
    const box = el('input', { type: 'checkbox', name, role: 'switch', onChange: () => change({ [name]: box.checked }) });
    boxes.push((mode) => (box.checked = Boolean(mode[name])));
    return el('label', { class: 'rules__row' }, el('span', {}, label), box);
  }

  function terms() {
    const field = el('input', { class: 'field', 'aria-label': 'Term', placeholder: 'Word or words', maxlength: '100' });
    const press = (what) => async () => {
      const term = field.value.trim();
      if (term.length > 1 && (await act.moderate(what, { term }))) field.value = '';
    };
    return el(
      'div',
      { class: 'rules__terms' },
      el('h4', { class: 'rules__heading' }, 'Blocked terms'),
      el('div', { class: 'button-row' }, field, el('button', { type: 'button', class: 'small-button', onClick: press('block') }, 'Block'), el('button', { type: 'button', class: 'small-button', onClick: press('unblock') }, 'Allow')),
    );
  }

  panel.append(
    iconButton('close', 'Close', () => toggle(false), { class: 'icon-button chat-panel__close' }),
    el('h3', { class: 'chat-panel__title' }, 'Rules of the room'),
    select('Slow mode', 'slow_seconds', SLOW, (value) => (value ? shortly(value) : 'Off')),
    select('Followers only', 'followers_only_minutes', FOLLOWING, (value) => (value < 0 ? 'Off' : value ? `For ${minutes(value)}` : 'Any follower')),
    check('Subscribers only', 'subscribers_only'),
    check('Emotes only', 'emote_only'),
    check('Unique messages', 'unique_chat'),
    select('AutoMod holds', 'automod_level', [0, 1, 2, 3, 4], (value) => AUTOMOD[value]),
    terms(),
    el('button', { type: 'button', class: 'small-button small-button--danger', onClick: () => act.moderate('clear') }, 'Clear the chat'),
  );
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    toggle(false);
    button.focus();
  });
  const show = () => {
    button.hidden = !room.moderates;
    if (!room.moderates) toggle(false);
    else if (!panel.hidden) sync();
  };
  room.addEventListener('changed', show);
  show();
  return { button, panel };
}
