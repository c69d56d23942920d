/** The player as it is seen: picture, what is said over it, and the controls. */

import { controls, toggleFullscreen } from './controls.js';
import { el, icon, setText } from './dom.js';
import { Player } from './player.js';
import { statsPanel } from './stats.js';

/** A spinner for a wait shorter than this would only flicker. */
const SPINNER_MS = 400;

const SAYS = {
  loading: '',
  interrupted: 'The broadcaster’s connection dropped. Playback goes on as soon as it is back.',
  ended: 'The stream has ended.',
};

/** Builds the one player of the page; it moves between views with its picture running. */
export function playerView({ theatre, clip }) {
  const video = el('video', { playsinline: true, tabindex: '-1', 'aria-label': 'Live stream' });
  const freeze = el('canvas', { class: 'player__freeze', hidden: true, 'aria-hidden': 'true' });
  const player = new Player(video, freeze);
  const notice = el('p', { class: 'player__notice', role: 'status' });
  const unmute = el('button', { type: 'button', class: 'player__unmute', hidden: true, onClick: () => player.mute(false) }, icon('muted'), 'Click for sound');
  const resume = el('button', { type: 'button', class: 'player__resume', 'aria-label': 'Play', hidden: true, onClick: () => player.toggle() }, icon('play'));
  const cover = el('div', { class: 'player__cover', hidden: true });
  const audio = el('div', { class: 'player__audio', hidden: true }, icon('volume'), 'Audio only');
  const stats = statsPanel(player);
  const frame = el(
    'section',
    { class: 'player', 'aria-label': 'Player', 'data-state': 'idle' },
    video,
    freeze,
    audio,
    el('div', { class: 'player__spinner', 'aria-hidden': 'true' }),
    notice,
    resume,
    unmute,
    stats,
    cover,
  );
  frame.append(controls(player, frame, { theatre, clip, stats: () => stats.toggle() }));

  let spinner = 0;
  const show = () => {
    clearTimeout(spinner);
    if (player.state === 'loading') spinner = setTimeout(() => frame.classList.add('player--waiting'), SPINNER_MS);
    else frame.classList.toggle('player--waiting', player.state === 'interrupted');
    setText(notice, SAYS[player.state] ?? '');
    unmute.hidden = !player.silenced;
    resume.hidden = player.state !== 'paused';
    audio.hidden = !player.audioOnly;
  };
  for (const name of ['state', 'mode', 'renditions']) player.addEventListener(name, show);
  video.addEventListener('volumechange', show);
  video.addEventListener('click', () => player.toggle());
  video.addEventListener('dblclick', () => toggleFullscreen(frame));
  show();
  return { frame, player, cover, stats };
}
