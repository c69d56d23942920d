/** What this viewer chose, kept in the browser. */

const KEY = 'chronicast';

const DEFAULTS = {
  theme: null, // null follows the system
  volume: 1,
  muted: false,
  lowLatency: false, // the stable mode is the default
  quality: 'auto', // rendition name
  bandwidth: null, // bit/s, the last estimate: the first segment of the next visit is chosen by it
  chatOpen: true,
  accessToken: null, // kept only where the viewer asked for it
};

function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS }; // storage is blocked or holds something else: start afresh
  }
}

const values = load();

export const preferences = {
  get: (name) => values[name],
  set(name, value) {
    if (values[name] === value) return;
    values[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(values));
    } catch {
      // Private windows may refuse storage: the choice then lasts for this visit.
    }
  },
};
