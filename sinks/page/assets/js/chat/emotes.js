/** Emotes: what is typed, and the picture that stands for it. The same table as processors/chat/emotes.py. */

/** For everybody: code → id. */
export const GLOBAL = {
  ':)': 'smile',
  ':(': 'frown',
  ':D': 'grin',
  ':P': 'tongue',
  ':O': 'gasp',
  ';)': 'wink',
  'B)': 'shades',
  ':/': 'unsure',
  '<3': 'heart',
  o7: 'salute',
  chroniHype: 'hype',
  chroniGG: 'gg',
  chroniLol: 'lol',
  chroniWow: 'wow',
  chroniCry: 'cry',
  chroniRage: 'rage',
  chroniLove: 'love',
  chroniWave: 'wave',
  chroniClap: 'clap',
  chroniThink: 'think',
  chroniSleep: 'sleep',
  chroniLurk: 'lurk',
  chroniRaid: 'raid',
  chroniPog: 'pog',
};

/** For subscribers of the channel: code → id. */
export const SUBSCRIBERS = {
  chroniCrown: 'crown',
  chroniGem: 'gem',
  chroniFire: 'fire',
  chroniRocket: 'rocket',
  chroniParty: 'party',
  chroniToast: 'toast',
  chroniStar: 'star',
  chroniGhost: 'ghost',
};
