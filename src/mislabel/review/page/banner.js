// What goes wrong stands above the page: what the server refused until it is closed, what does not work until it does.
import { messageOf, statusOf } from './api.js';
import { byId } from './elements.js';
import { jobName } from './run.js';
import { session } from './session.js';

const MOST_NAMED = 5; // decisions that wait

const banner = {
  /** @type {Set<string>} */
  refusals: new Set(),
  /** @type {Map<string, string>} */
  troubles: new Map(), // by what was asked
};

/**
 * Say that something got no answer, or one that may become another.
 * @param {unknown} error
 * @param {string} asked
 */
export function reportTrouble(error, asked) {
  if (session.outbox.length) byId('saved').textContent = 'waiting for the server …';
  banner.troubles.set(asked, describeTrouble(error));
  showBanner();
}

/** @param {unknown} error */
function describeTrouble(error) {
  const status = statusOf(error);
  if (status === 404) {
    return 'The server was started anew, under another address: open the one that it printed, and decide these again.';
  }
  if (status) return `${messageOf(error)}. It is tried again by itself.`;
  return 'The server does not answer. It is tried again by itself; if you stopped it, start mislabel review again.';
}

/** @param {string} asked */
export function endTrouble(asked) {
  if (banner.troubles.delete(asked)) showBanner();
}

/** @param {string} asked */
export const hasTrouble = (asked) => banner.troubles.has(asked);

/** @param {string} words */
export function reportRefusal(words) {
  banner.refusals.add(words);
  showBanner();
}

export function closeBanner() {
  banner.refusals.clear();
  banner.troubles.clear();
  showBanner();
}

function showBanner() {
  const waiting = session.outbox.map(jobName);
  const more = waiting.length > MOST_NAMED ? `; and ${waiting.length - MOST_NAMED} more` : '';
  const why = [...new Set(banner.troubles.values())].join(' ');
  const unsaved = `not saved: ${waiting.slice(0, MOST_NAMED).join('; ')}${more}. ${why}`;
  const words = [...banner.refusals, why && waiting.length ? unsaved : why].filter(Boolean).join('\n');
  if (byId('trouble').textContent !== words) byId('trouble').textContent = words; // it is read aloud when it changes
  byId('banner').hidden = !words;
  byId('retry').hidden = !why;
}
