// The decisions as a file, which import-decisions reads: the link in the header.
import { byId } from './elements.js';
import { whenSaved } from './outbox.js';
import { session } from './session.js';

/**
 * What is on its way to the server would not be in the file.
 * @param {MouseEvent} event
 */
function onClick(event) {
  if (!session.outbox.length) return;
  event.preventDefault();
  byId('saved').textContent = 'The file comes as soon as all is saved …';
  whenSaved(() => byId('to-export').click());
}

export function fillExport() {
  const link = byId('to-export');
  Object.assign(link, { href: 'api/export', download: 'decisions.json' });
  link.addEventListener('click', onClick);
}
