// How far the review is, above the page.
/** @import { State } from './types.js' */
import { byId, createElement } from './elements.js';
import { formatNumber } from './format.js';

export const progress = {
  state: /** @type {State} */ ({}), // as the server told it last
};

/** @param {State} state */
export function showProgress(state) {
  progress.state = state;
  const done = state.looks - state.left;
  byId('progress').max = Math.max(1, state.looks);
  byId('progress').value = done;
  const parts = [
    [formatNumber(done), ` of ${formatNumber(state.looks)} decided`],
    [formatNumber(state.left), ' left'],
  ];
  if (state.per_minute) {
    const minutes = Math.max(1, Math.round(state.left / state.per_minute));
    parts.push([state.per_minute.toFixed(state.per_minute < 10 ? 1 : 0), ' a minute']);
    if (state.left) parts.push([minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`, ' to go']);
  }
  const spans = parts.map(([value, words]) =>
    createElement('span', {}, createElement('b', { textContent: value }), words),
  );
  byId('numbers').replaceChildren(...spans);
}
