// The decisions as a file, which import-decisions reads: the link in the header.
import { byId } from './elements.js';

export function fillExport() {
  Object.assign(byId('to-export'), { href: 'api/export', download: 'decisions.json' });
}
