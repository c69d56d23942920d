/** Where the viewer writes. */

import { el, icon, iconButton, setText } from '../dom.js';
import { account } from './account.js';
import { commands, parse } from './commands.js';
import { Completion } from './completion.js';
import { modeTags } from './modes.js';
import { emotePicker } from './picker.js';
import { refusal, wait } from './refusals.js';

/** Most characters of a message (code points), as the platform takes them. */
const MOST = 500;
/** From here on the counter is shown. */
const COUNTED = 350;
const TICK_MS = 200;
/** Sent messages that the arrow keys bring back. */
const REMEMBERED = 20;

const length = (text) => Array.from(text).length;

/** Gives `{ element, reply(event), mention(login), seen(event), silenced(seconds) }`. `say` shows words to this viewer alone. */
export function composer(room, host, { people, say }) {
  const note = el('p', { class: 'composer__note', role: 'status' });
  const field = el('textarea', { class: 'composer__field', rows: '1', 'aria-label': 'Message', autocomplete: 'off', enterkeyhint: 'send' });
  const counter = el('span', { class: 'composer__counter' });
  const send = el('button', { type: 'button', class: 'button composer__send', 'aria-label': 'Send', onClick: () => submit() }, icon('send'));
  const completion = new Completion(field, room, people);
  const picker = emotePicker(room, (code) => insert(`${code} `));
  const replying = el('div', { class: 'composer__reply', hidden: true });
  const tags = el('ul', { class: 'composer__modes', 'aria-label': 'Rules of this chat now' });
  const { signIn, menuButton } = account(room, host, { onColor: () => put('/color #') });
  const door = el('button', { type: 'button', class: 'button composer__door', onClick: signIn }, 'Sign in to chat');
  const desk = el(
    'div',
    { class: 'composer__desk' },
    replying,
    el('div', { class: 'composer__box' }, field, counter, picker.button),
    el('div', { class: 'composer__row' }, menuButton, note, send),
  );
  const element = el('section', { class: 'composer', 'aria-label': 'Write' }, completion.element, picker.panel, tags, desk, door);

  let repliesTo = null;
  let until = 0; // performance.now() from when on something may be sent; Infinity for a ban
  let why = '';
  let timer = 0;
  let doubtful = null; // what was sent when the connection broke
  const sent = [];
  let recalled = 0;

  function say_(text, kind = 'info') {
    setText(note, text);
    note.dataset.kind = kind;
  }

  function hold(milliseconds, reason) {
    until = performance.now() + milliseconds;
    why = reason;
    tick();
  }

  function tick() {
    clearTimeout(timer);
    const left = until - performance.now();
    send.disabled = left > 0;
    if (left <= 0) {
      if (why) say_('');
      why = '';
      return;
    }
    if (why) say_(left === Infinity ? why : `${why} ${wait(left)}`, 'wait');
    if (left !== Infinity) timer = setTimeout(tick, TICK_MS);
  }

  function resize() {
    const count = length(field.value.trim());
    setText(counter, count > COUNTED ? `${count}/${MOST}` : '');
    counter.classList.toggle('composer__counter--over', count > MOST);
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }

  function put(text) {
    field.value = text;
    resize();
    field.focus();
    field.dispatchEvent(new Event('input'));
  }

  function insert(text) {
    const at = field.selectionStart;
    const gap = at > 0 && !/\s/.test(field.value[at - 1]) ? ' ' : '';
    field.setRangeText(gap + text, at, field.selectionEnd, 'end');
    resize();
    field.focus();
  }

  function reply(event) {
    repliesTo = event;
    replying.hidden = event === null;
    if (event === null) return;
    replying.replaceChildren(
      icon('reply'),
      el('span', { class: 'composer__replied' }, `Reply to ${event.user.name}: ${event.text}`),
      iconButton('close', 'No reply', () => {
        reply(null);
        field.focus();
      }),
    );
    field.focus();
  }

  function restore(text) {
    if (field.value === '') put(text);
  }

  async function post(line, text, action) {
    const replyTo = repliesTo;
    reply(null);
    const answer = await room.say(text, { replyTo: replyTo?.id, action });
    if (answer.type === 'accepted') {
      const slow = room.exempt ? 0 : (room.mode.slow_seconds ?? 0) * 1000;
      if (slow > 0) hold(slow, refusal({ reason: 'slow_mode' }));
      if (answer.held) say_('A moderator looks at your message before it is shown.');
      return;
    }
    restore(line);
    if (answer.type === 'lost') {
      doubtful = text;
      say_('The connection broke: your message may not have been sent.', 'bad');
    } else {
      if (replyTo && answer.wait_ms > 0) reply(replyTo);
      if (answer.wait_ms > 0) hold(answer.wait_ms, refusal(answer));
      else say_(refusal(answer), 'bad');
    }
  }

  async function command(line) {
    const asked = parse(line, room);
    if (asked.wrong) {
      restore(line);
      say_(asked.wrong, 'bad');
    } else if (asked.help) {
      for (const { name, usage, what } of commands(room)) say(`/${name} ${usage} – ${what}`);
    } else if (asked.say) await post(line, asked.say, true);
    else {
      const answer = await (asked.color ? room.setColor(asked.color) : room.moderate(asked.moderate, asked.values));
      if (answer.type === 'done') say_('Done.');
      else {
        restore(line);
        say_(answer.text ?? 'The connection broke: look whether it was done.', 'bad');
      }
    }
  }

  function submit() {
    const line = field.value.replace(/\s+/g, ' ').trim();
    if (line === '' || room.state !== 'live') return;
    if (length(line) > MOST) {
      say_(`At most ${MOST} characters: ${length(line) - MOST} too many.`, 'bad');
      return;
    }
    const isCommand = line.startsWith('/');
    if (!isCommand && until > performance.now()) return;
    put('');
    completion.hide();
    if (!why) say_('');
    sent.unshift(line);
    sent.length = Math.min(sent.length, REMEMBERED);
    recalled = 0;
    if (isCommand) command(line);
    else post(line, line, false);
  }

  field.addEventListener('input', resize);
  field.addEventListener('keydown', (event) => {
    if (event.isComposing) return; // an input method takes Enter for itself
    if (completion.key(event)) event.preventDefault();
    else if (event.key === 'Enter') {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && repliesTo) reply(null);
    else if (event.key === 'ArrowUp' && (field.value === '' || field.value === sent[recalled - 1]) && sent[recalled]) {
      event.preventDefault();
      recalled += 1;
      put(sent[recalled - 1]);
    }
  });

  function show() {
    const signedIn = room.user !== null;
    desk.hidden = !signedIn;
    door.hidden = signedIn;
    field.placeholder = room.state === 'live' ? 'Send a message' : 'Waiting for the connection …';
    menuButton.title = signedIn ? `Signed in as ${room.user.name}` : '';
    tags.replaceChildren(...modeTags(room.mode).map(([label, title]) => el('li', { class: 'tag', title }, label)));
    if (room.exempt && why === refusal({ reason: 'slow_mode' })) hold(0, why);
  }
  room.addEventListener('changed', show);
  room.addEventListener('trouble', ({ detail }) => say_(detail, 'bad'));
  show();

  return {
    element,
    reply,
    signIn,
    mention: (login) => insert(`@${login} `),
    /** An own message is on screen: what was in doubt was sent after all. */
    seen({ text }) {
      if (text !== doubtful) return;
      doubtful = null;
      if (field.value === text) put('');
      say_('');
    },
    /** `seconds` absent: a ban; 0: it is over. */
    silenced: (seconds) => hold(seconds === undefined ? Infinity : seconds * 1000, refusal({ reason: seconds === undefined ? 'banned' : 'timed_out' })),
  };
}
