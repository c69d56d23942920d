/** A still of what a channel shows now: the newest key frame of its smallest rendition, decoded here. Nobody counts it as a viewer. */

import { channel as fetchChannel } from './api.js';
import { restricted } from './gate.js';

const WIDTH = 320;
const HEIGHT = 180;
/** A picture may be so old; it is some ten KB in a ladder's smallest rendition. */
const REFRESH_MS = 30_000;
/** Decoding takes some ten ms; what takes so long will not come. */
const DECODE_MS = 5000;

const bytes = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.arrayBuffer();
};

function happens(target, name) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${name}`)), DECODE_MS);
    target.addEventListener(name, () => { clearTimeout(late); resolve(); }, { once: true });
  });
}

/** The newest piece of a playlist that begins with a key frame, and what must be read before it. */
function newest(text, base) {
  const init = [...text.matchAll(/#EXT-X-MAP:URI="([^"]+)"/g)].at(-1)?.[1];
  const part = [...text.matchAll(/#EXT-X-PART:(.*)/g)].filter(([, values]) => values.includes('INDEPENDENT=YES')).at(-1)?.[1].match(/URI="([^"]+)"/)?.[1];
  const piece = part ?? text.split('\n').filter((line) => line && !line.startsWith('#')).at(-1);
  return init && piece ? [new URL(init, base), new URL(piece, base)] : null;
}

async function draw(login, canvas) {
  const channel = await fetchChannel(login);
  const smallest = channel.renditions.filter(({ kind }) => kind === 'video').sort((a, b) => a.bit_rate - b.bit_rate)[0];
  const type = `video/mp4; codecs="${smallest?.codecs}"`;
  if (!smallest || !self.MediaSource?.isTypeSupported(type)) return;
  const base = new URL(smallest.playlist, location.href);
  const found = newest(new TextDecoder().decode(await bytes(base)), base);
  if (!found) return;
  const pieces = await Promise.all(found.map(bytes));
  const [source, video] = [new MediaSource(), document.createElement('video')];
  video.muted = true;
  video.src = URL.createObjectURL(source);
  try {
    await happens(source, 'sourceopen');
    const buffer = source.addSourceBuffer(type);
    for (const piece of pieces) {
      const done = happens(buffer, 'updateend');
      buffer.appendBuffer(piece);
      await done;
    }
    const seen = happens(video, 'seeked');
    video.currentTime = buffer.buffered.start(0);
    await seen;
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    canvas.getContext('2d').drawImage(video, 0, 0, WIDTH, HEIGHT);
    canvas.hidden = false;
  } finally {
    URL.revokeObjectURL(video.src);
    video.removeAttribute('src');
  }
}

let queue = Promise.resolve(); // one after the other: a page of cards does not compete with the stream that plays

/** Keeps a canvas showing the channel that `channel()` gives, while it is on screen; a channel that is not for everybody stays covered. */
export function keepStill(canvas, channel) {
  let drawnAt = -Infinity;
  const look = () => {
    if (document.hidden || performance.now() - drawnAt < REFRESH_MS) return;
    drawnAt = performance.now();
    queue = queue.then(async () => {
      const now = channel();
      if (canvas.isConnected && now.live && !restricted(now)) await draw(now.login, canvas).catch(() => {}); // the former picture, or initials, stay
    });
  };
  let timer = 0;
  new IntersectionObserver(([entry]) => {
    clearInterval(timer);
    if (!entry.isIntersecting) return;
    look();
    timer = setInterval(look, REFRESH_MS);
  }).observe(canvas.parentElement); // the canvas itself takes no room until something is drawn
}
