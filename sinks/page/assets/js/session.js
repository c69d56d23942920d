/** Who uses the pages around the player: an access token, for as long as this tab is open, and calls in its name. */

const KEY = 'chronicast-token';

let who = null; // { token, clientId, id, login }

const stored = () => {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // storage is blocked: signed in until the page is loaded again
  }
};

function store(token) {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // As above.
  }
}

/** The user; null where nobody is signed in. */
export const user = () => who;

/** Takes a token. Gives the user, or null where it is nobody's; throws where the platform does not answer. */
export async function signIn(token) {
  const response = await fetch('/oauth2/validate', { headers: { authorization: `OAuth ${token}` }, cache: 'no-store' });
  if (!response.ok && response.status !== 401) throw new Error(`/oauth2/validate answered ${response.status}`);
  const told = response.ok ? await response.json() : {};
  who = told.user_id ? { token, clientId: told.client_id, id: told.user_id, login: told.login } : null;
  store(who && token);
  return who;
}

export function signOut() {
  who = null;
  store(null);
}

/** Signs in by what an earlier page of this tab was given. */
export async function resume() {
  const token = stored();
  if (token && !who) await signIn(token);
  return who;
}

/** Headers of a call in the user's name; none where nobody is signed in. */
export const headers = () => (who ? { authorization: `Bearer ${who.token}`, 'client-id': who.clientId } : {});

/** A call of the API. Gives `{ status, body }`; the body of an error says what is wrong in `message`. */
export async function helix(path, options = {}) {
  const content = options.body ? { 'content-type': 'application/json' } : {};
  const response = await fetch(`/helix/${path}`, { cache: 'no-store', ...options, headers: { ...headers(), ...content } });
  const body = await response.json().catch(() => ({}));
  return { status: response.status, body };
}
