/** Keys for the player, as on other video sites, and the list of them. */

import { toggleFullscreen } from './controls.js';
import { el, iconButton } from './dom.js';

const SEEK_SECONDS = 5;
const VOLUME_STEP = 0.05;

/** key → [what it does, in words; the action]. */
const KEYS = {
  k: ['Play or pause (also the space bar)', ({ player }) => player.toggle()],
  m: ['Mute', ({ player }) => player.mute(!player.video.muted)],
  ArrowUp: ['Louder', ({ player }) => player.setVolume(player.video.volume + VOLUME_STEP)],
  ArrowDown: ['Quieter', ({ player }) => player.setVolume(player.video.volume - VOLUME_STEP)],
  ArrowLeft: ['Back 5 seconds', ({ player }) => player.seekBy(-SEEK_SECONDS)],
  ArrowRight: ['Forward 5 seconds', ({ player }) => player.seekBy(SEEK_SECONDS)],
  l: ['Go live', ({ player }) => player.goLive()],
  y: ['Low latency on or off', ({ player }) => player.setLowLatency(!player.lowLatency)],
  i: ['Playback statistics', ({ stats }) => stats.toggle()],
  x: ['Make a clip', ({ clip }) => clip()],
  t: ['Theatre mode', ({ theatre }) => theatre()],
  c: ['Chat on or off', ({ chat }) => chat.toggle()],
  p: ['Picture in picture', ({ player }) => player.pictureInPicture()],
  f: ['Full screen', ({ frame }) => toggleFullscreen(frame)],
};

const SHOWN = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' };

function help() {
  const dialog = el(
    'dialog',
    { class: 'help', 'aria-labelledby': 'help-title', onClick: (event) => event.target === dialog && dialog.close() },
    el('h2', { id: 'help-title' }, 'Keyboard shortcuts'),
    iconButton('close', 'Close', () => dialog.close(), { class: 'icon-button help__close' }),
    el('dl', {}, Object.entries(KEYS).map(([key, [words]]) => el('div', {}, el('dt', {}, el('kbd', {}, SHOWN[key] ?? key)), el('dd', {}, words)))),
  );
  document.body.append(dialog);
  return dialog;
}

/** Listens on the whole page while a channel is on screen. Gives a button that lists the keys. */
export function shortcuts(view, active) {
  const dialog = help();
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input:not([type=range]), textarea, [contenteditable]');
    const slider = event.target.matches?.('input[type=range]') && event.key.startsWith('Arrow');
    if (!active() || typing || slider || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.key === '?') {
      dialog.showModal();
      return;
    }
    const onButton = event.target.closest?.('button, a');
    const key = event.key === ' ' && !onButton ? 'k' : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!(key in KEYS)) return;
    event.preventDefault();
    KEYS[key][1](view);
  });
  return iconButton('keyboard', 'Keyboard shortcuts (?)', () => dialog.showModal(), { class: 'icon-button wide-only' });
}
