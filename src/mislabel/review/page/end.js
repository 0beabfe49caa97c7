// What stands where the queue has no more rows.
/** @import { State } from './types.js' */
import { display } from './display.js';
import { byId, createButton, createText } from './elements.js';
import { formatNumber, formatRows } from './format.js';
import { keyName } from './key-names.js';
import { run } from './run.js';

/**
 * @param {State} state
 * @param {() => void} startAgain Goes to the first row that was passed over.
 */
export function fillEnd(state, startAgain) {
  const { left, looks } = state;
  const path = /\s/.test(run.path) ? `'${run.path}'` : run.path;
  byId('end').replaceChildren(
    createText('h2', left ? 'That was the last row' : 'All done'),
    createText('p', `${formatNumber(looks - left)} of ${formatNumber(looks)} rows are decided.`),
    left ? createButton(`Look at the ${formatRows(left)} that you passed over`, 'strong', startAgain) : '',
    createText('p', 'What is saved is on disk. Write the corrected data, or train again with what you decided:'),
    createText('pre', `mislabel export ${path} -o corrected.csv`),
    createText('pre', `mislabel train DATA … --decisions ${path} --out NEW_RUN`),
    createText(
      'p',
      `← goes back, ${keyName('list')} shows the list, ${keyName('undo')} undoes the last decision.`,
      'muted',
    ),
  );
  if (display.view === 'row') byId('end').focus({ preventScroll: true });
}
