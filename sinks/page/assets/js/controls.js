/** The bar under the picture. */

import { el, icon, iconButton, relabel, setText } from './dom.js';
import { bitrate, seconds } from './format.js';
import { attachMenu } from './menu.js';
import { preferences } from './preferences.js';
import { rewindBar } from './rewind-bar.js';

const REFRESH_MS = 500;
/** The bar hides when the pointer rests for so long over a running picture. */
const IDLE_MS = 2500;

/** `1080p60`, as viewers name a rendition. */
export function label(rendition) {
  const rate = rendition.frameRate > 30.5 ? Math.round(rendition.frameRate) : '';
  return rendition.height ? `${rendition.height}p${rate}` : rendition.name;
}

const BEST = 'Source';

function qualitySections(player) {
  const playing = player.engine?.rendition;
  const { renditions } = player;
  const named = renditions.map((one) => ({
    value: one.name,
    label: one.name === 'source' ? `${label(one)} · ${BEST}` : label(one),
    note: bitrate(one.bits),
    checked: player.quality === one.name,
  }));
  const shown = renditions.find((one) => one.name === playing);
  const known = player.audioOnly || renditions.some((one) => one.name === player.quality);
  const automatic = { value: 'auto', label: 'Auto', note: shown && !known ? label(shown) : '', checked: !known };
  const audio = player.audioOffered && { value: 'audio', label: 'Audio only', checked: player.audioOnly };
  return [{ title: 'Quality', choices: [automatic, ...named, audio].filter(Boolean), choose: (name) => player.setQuality(name) }];
}

function volumeControl(player) {
  const { video } = player;
  const button = iconButton('volume', 'Mute (m)', () => player.mute(!video.muted));
  const slider = el('input', {
    type: 'range', class: 'volume__slider', min: '0', max: '1', step: '0.05', 'aria-label': 'Volume',
    onInput: () => player.setVolume(Number(slider.value)),
  });
  const show = () => {
    const silent = video.muted || video.volume === 0;
    slider.value = String(video.muted ? 0 : video.volume);
    slider.style.setProperty('--filled', `${slider.value * 100}%`);
    relabel(button, silent ? 'muted' : 'volume', silent ? 'Unmute (m)' : 'Mute (m)');
    if (!player.silenced) {
      preferences.set('volume', video.volume);
      preferences.set('muted', video.muted);
    }
  };
  video.addEventListener('volumechange', show);
  show();
  return el('div', { class: 'volume' }, button, slider);
}

/** `actions`: `{ theatre, stats, clip }` of the page around the player. */
export function controls(player, frame, actions) {
  const { video } = player;
  const play = iconButton('play', 'Play (k)', () => player.toggle());
  const live = el('button', { type: 'button', class: 'live-pill', onClick: () => player.goLive() });
  const latency = el('span', { class: 'latency', title: 'Delay between the broadcaster and your screen' });
  const low = el(
    'button',
    { type: 'button', role: 'switch', class: 'low-latency', title: 'Low latency (y)', onClick: () => player.setLowLatency(!player.lowLatency), 'aria-label': 'Low latency' },
    icon('bolt'),
    el('span', { class: 'low-latency__label' }, 'Low latency'),
    el('span', { class: 'low-latency__track', 'aria-hidden': 'true' }),
  );
  const settings = iconButton('settings', 'Quality', null);
  const stats = iconButton('stats', 'Playback statistics (i)', actions.stats, { class: 'icon-button wide-only' });
  const pip = document.pictureInPictureEnabled && iconButton('pip', 'Picture in picture (p)', () => player.pictureInPicture(), { class: 'icon-button wide-only' });
  const theatre = iconButton('theatre', 'Theatre mode (t)', actions.theatre, { class: 'icon-button wide-only' });
  const clip = iconButton('clip', 'Clip (x)', actions.clip);
  const full = iconButton('fullscreen', 'Full screen (f)', () => toggleFullscreen(frame));
  const quality = el('div', { class: 'quality' }, settings);
  attachMenu(settings, () => qualitySections(player));

  const show = () => {
    relabel(play, video.paused ? 'play' : 'pause', video.paused ? 'Play (k)' : 'Pause (k)');
    const following = player.edge.following && !video.paused;
    live.classList.toggle('live-pill--behind', !following);
    setText(live, following ? 'Live' : 'Go live');
    live.setAttribute('aria-label', following ? 'Playing live' : 'Go to the live picture');
    setText(latency, seconds(player.latency));
    low.setAttribute('aria-checked', String(player.lowLatency));
    frame.dataset.state = player.state;
  };
  for (const name of ['state', 'mode', 'renditions']) player.addEventListener(name, show);
  for (const name of ['play', 'pause', 'seeked']) video.addEventListener(name, show);
  setInterval(show, REFRESH_MS);
  document.addEventListener('fullscreenchange', () => {
    const on = document.fullscreenElement === frame;
    relabel(full, on ? 'shrink' : 'fullscreen', on ? 'Leave full screen (f)' : 'Full screen (f)');
  });
  hideWhenIdle(frame, video);
  show();

  return el(
    'div',
    { class: 'controls', role: 'group', 'aria-label': 'Player controls' },
    rewindBar(player),
    el('div', { class: 'controls__side' }, play, volumeControl(player), live, latency),
    el('div', { class: 'controls__side' }, clip, low, stats, quality, pip, theatre, full),
  );
}

/** Full screen for the player, or out of it; iPhones know it for the video element only. */
export function toggleFullscreen(frame) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (frame.requestFullscreen) frame.requestFullscreen();
  else frame.querySelector('video').webkitEnterFullscreen?.();
}

function hideWhenIdle(frame, video) {
  let timer = 0;
  const wake = () => {
    frame.classList.remove('player--idle');
    clearTimeout(timer);
    timer = setTimeout(() => {
      const busy = video.paused || frame.querySelector('.menu:not([hidden])') || frame.querySelector('.controls :focus-visible');
      if (!busy) frame.classList.add('player--idle');
    }, IDLE_MS);
  };
  for (const name of ['pointermove', 'pointerdown', 'focusin', 'keydown']) frame.addEventListener(name, wake);
  frame.addEventListener('pointerleave', () => !video.paused && !frame.querySelector('.menu:not([hidden])') && frame.classList.add('player--idle'));
  wake();
}
