/** The server's clock, so that latency does not depend on how the viewer's is set. */

/** Requests a measurement: the one with the shortest round trip bounds the error best (half of it). */
const SAMPLES = 4;
/** A computer's clock drifts by a few ms in this time. */
const REFRESH_MS = 5 * 60_000;

let offsetMs = 0;
let known = false;

async function sample() {
  const sent = performance.now();
  const response = await fetch('/time', { cache: 'no-store' });
  const received = performance.now();
  const server = Date.parse((await response.text()).trim());
  if (!response.ok || Number.isNaN(server)) throw new Error('/time gave no date');
  const middle = Date.now() - (performance.now() - (sent + received) / 2);
  return { roundTrip: received - sent, offset: server - middle };
}

/** Measures the offset now and every five minutes; keeps the former one where the server cannot be asked. */
export async function synchronise() {
  const samples = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    try {
      samples.push(await sample());
    } catch {
      break;
    }
  }
  known ||= samples.length > 0;
  if (samples.length) offsetMs = samples.reduce((best, one) => (one.roundTrip < best.roundTrip ? one : best)).offset;
  setTimeout(synchronise, REFRESH_MS);
}

/** Milliseconds since 1970 by the server's clock. */
export const serverNow = () => Date.now() + offsetMs;

/** Whether the server was asked already; until then `serverNow` is this computer's clock. */
export const synchronised = () => known;
