// How far the review is, above the page.
/** @import { Advice, State } from './types.js' */
import { byId, createElement } from './elements.js';
import { formatNumber } from './format.js';

export const progress = {
  state: /** @type {State} */ ({}), // as the server told it last
  advice: /** @type {Advice | null} */ (null), // on the next rows
};

/** @param {Advice | null} advice */
export function showAdvice(advice) {
  progress.advice = advice;
  showProgress(progress.state);
}

/** @param {State} state */
export function showProgress(state) {
  progress.state = state;
  const done = state.looks - state.left;
  byId('progress').max = Math.max(1, state.looks);
  byId('progress').value = done;
  const parts = [[formatNumber(done), ` of ${formatNumber(state.looks)} decided`]];
  const { advice } = progress;
  if (advice && state.left) {
    const expected = formatNumber(Math.round(advice.expected));
    parts.push([`about ${expected}`, ` of the next ${formatNumber(advice.rows)} wrong`]);
  }
  if (state.per_minute) parts.push([state.per_minute.toFixed(state.per_minute < 10 ? 1 : 0), ' a minute']);
  const spans = parts.map(([value, words]) =>
    createElement('span', {}, createElement('b', { textContent: value }), words),
  );
  byId('numbers').replaceChildren(...spans);
}
