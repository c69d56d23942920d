/** The chat of the channel on screen: everything of it put together. */

import { el, iconButton, relabel, setText } from '../dom.js';
import { preferences } from '../preferences.js';
import { userCard } from './card.js';
import { composer } from './composer.js';
import { heldQueue } from './held.js';
import { lineActions } from './lines.js';
import { ChatLog } from './log.js';
import { Room } from './room.js';
import { roomRules } from './rules.js';

/** People to complete names from. */
const PEOPLE = 500;
/** The mark of a sample goes when nothing was left out for so long. */
const SAMPLED_MS = 8000;

const STATES = {
  joining: 'Connecting …',
  reconnecting: 'Reconnecting …',
  full: 'Chat is full at the moment. Trying again …',
};

/** A section with `show(login)` (null hides it), `toggle()`, and `toggleButton` for the page's header. */
export function chatPanel() {
  const room = new Room();
  const log = new ChatLog(room);
  const people = new Map(); // login → user, the last who wrote at the end
  const status = el('p', { class: 'chat__status', role: 'status', hidden: true });
  const sampled = el('p', { class: 'chat__sampled', title: 'More is written than can be read: you see a fair part of it', hidden: true });
  const element = el('section', { class: 'chat', 'aria-label': 'Chat', hidden: true });
  const recent = () => [...people.values()].reverse();
  let shown = null; // login of the channel on screen

  /** Whether it was done; says why where it was not. */
  async function moderate(what, values) {
    const answer = await room.moderate(what, values);
    if (answer.type !== 'done') log.say(answer.text ?? 'That may not have been done: the connection broke.');
    return answer.type === 'done';
  }

  const desk = composer(room, element, { people: recent, say: (text) => log.say(text) });
  const held = heldQueue(room, { moderate });
  const rules = roomRules(room, { moderate });
  const card = userCard(log, room, { moderate, mention: desk.mention });
  lineActions(log, room, element, { moderate, reply: desk.reply, card: card.show });

  let sampleTimer = 0;
  let leftOut = 0;
  function sample(count) {
    if (count === 0) return;
    leftOut += count;
    sampled.hidden = false;
    setText(sampled, `Sampled: ${leftOut.toLocaleString()} ${leftOut === 1 ? 'message' : 'messages'} left out`);
    clearTimeout(sampleTimer);
    sampleTimer = setTimeout(() => {
      leftOut = 0;
      sampled.hidden = true;
    }, SAMPLED_MS);
  }

  function remember({ login, name }) {
    people.delete(login);
    people.set(login, { login, name });
    if (people.size > PEOPLE) people.delete(people.keys().next().value);
  }

  room.addEventListener('frame', ({ detail }) => {
    log.take(detail);
    held.take(detail.events, detail.reset);
    sample(detail.skipped);
    for (const event of detail.events) {
      const me = event.user && event.user.id === room.user?.id;
      if (event.type === 'message') {
        remember(event.user);
        if (me) desk.seen(event);
      } else if (event.type === 'silenced' && me && !detail.history) desk.silenced(event.seconds);
      else if (event.type === 'unsilenced' && me) desk.silenced(0);
    }
  });
  room.addEventListener('changed', () => {
    const words = STATES[room.state];
    status.hidden = !words;
    setText(status, words ?? '');
    element.dataset.state = room.state;
    element.classList.toggle('chat--moderates', room.moderates);
  });

  const toggleButton = iconButton('chat', 'Hide chat (c)', () => element.toggle());
  const close = iconButton('collapse', 'Hide chat (c)', () => element.toggle());
  element.append(
    el('header', { class: 'chat__header' }, el('h2', { class: 'chat__title' }, 'Chat'), el('div', { class: 'chat__tools' }, rules.button, close)),
    status,
    held.element,
    log.element,
    sampled,
    desk.element,
    rules.panel,
    card.element,
  );

  function apply() {
    const open = preferences.get('chatOpen');
    const on = shown !== null && open;
    element.hidden = !on;
    document.documentElement.classList.toggle('with-chat', on);
    toggleButton.hidden = shown === null;
    relabel(toggleButton, 'chat', open ? 'Hide chat (c)' : 'Show chat (c)');
    toggleButton.setAttribute('aria-pressed', String(open));
    if (on) room.enter(shown);
    else room.leave();
  }

  element.show = (login) => {
    if (login === shown) return;
    if (login !== null && login !== room.login) {
      log.clear();
      held.take([], true);
      people.clear();
      card.hide();
      desk.reply(null);
      desk.silenced(0);
    }
    shown = login;
    apply();
  };
  element.toggle = () => {
    if (shown === null) return;
    preferences.set('chatOpen', !preferences.get('chatOpen'));
    apply();
  };
  element.toggleButton = toggleButton;
  element.account = { token: () => room.token, signIn: desk.signIn };
  apply();
  return element;
}
