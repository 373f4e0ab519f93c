// The strokes with which every part of the page is drawn.

export const find = (selector, root = document) => root.querySelector(selector);

export function setText(element, text) {
  // Unchanged text is left alone: a screen reader would say it again.
  if (element.textContent !== text) element.textContent = text;
}

export function setIcon(element, name) {
  find("use", element).setAttribute("href", `${document.body.dataset.icons}#${name}`);
}

export function clone(selector) {
  return find(selector).content.firstElementChild.cloneNode(true);
}
