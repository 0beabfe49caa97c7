// What stands where a review that is one file has no more rows.
/** @import { State } from '../page/types.js' */
import { display } from '../page/display.js';
import { byId, createButton, createText } from '../page/elements.js';
import { formatNumber, formatRows } from '../page/format.js';
import { keyName } from '../page/key-names.js';
import { sendBack } from './export.js';

/**
 * @param {State} state
 * @param {() => void} startAgain Goes to the first row that was passed over.
 */
export function fillEnd({ left, looks }, startAgain) {
  byId('end').replaceChildren(
    createText('h2', left ? 'That was the last row' : 'All done'),
    createText('p', `${formatNumber(looks - left)} of ${formatNumber(looks)} rows are decided.`),
    left ? createButton(`Look at the ${formatRows(left)} that you passed over`, 'strong', startAgain) : '',
    createText('p', 'Your decisions are kept in this browser alone. Send them to who gave you this page:'),
    createButton('Send back', left ? '' : 'strong', sendBack),
    createText(
      'p',
      `← goes back, ${keyName('list')} shows the list, ${keyName('undo')} undoes the last decision.`,
      'muted',
    ),
  );
  if (display.view === 'row') byId('end').focus({ preventScroll: true });
}
