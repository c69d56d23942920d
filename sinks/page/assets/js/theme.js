/** Dark and light: the system's wish until the viewer chooses. */

import { iconButton, relabel } from './dom.js';
import { preferences } from './preferences.js';

const system = matchMedia('(prefers-color-scheme: light)');

const current = () => preferences.get('theme') ?? (system.matches ? 'light' : 'dark');

/** A button that goes to the other theme. */
export function themeButton() {
  const button = iconButton('sun', '', () => {
    preferences.set('theme', current() === 'dark' ? 'light' : 'dark');
    show();
  });
  const show = () => {
    const chosen = preferences.get('theme');
    if (chosen) document.documentElement.dataset.theme = chosen;
    relabel(button, ...(current() === 'dark' ? ['sun', 'Light theme'] : ['moon', 'Dark theme']));
  };
  system.addEventListener('change', show);
  show();
  return button;
}
