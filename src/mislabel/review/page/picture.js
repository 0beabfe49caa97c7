// A row's picture.
import { createElement, createText } from './elements.js';

const MOST_PIXELATED = 64; // pixels of a side: those of a small picture are the picture, so it is not blurred

/**
 * @param {{ id: string, image: string | null }} row
 * @param {number} size Pixels of its longer side on the screen.
 */
export function createPicture(row, size) {
  const image = createElement('img', { alt: `Picture of row ${row.id}`, decoding: 'sync' });
  image.addEventListener('load', () => {
    const longest = Math.max(image.naturalWidth, image.naturalHeight);
    const pixelated = longest <= MOST_PIXELATED;
    image.classList.toggle('small', pixelated);
    image.style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
    const scale = pixelated ? Math.max(1, Math.floor(size / longest)) : size / longest;
    image.style.width = `${Math.round(image.naturalWidth * scale)}px`;
  });
  image.addEventListener('error', () =>
    image.replaceWith(createText('span', 'This picture cannot be shown.', 'muted')),
  );
  image.src = row.image ?? '';
  return image;
}
