// Makes elements: Preact's templates, and helpers for the fixed parts of the page.

export { Component, html, render } from './htm-preact.js';
import { html } from './htm-preact.js';

// Text from outside, such as a name or an error. `bdi` keeps its writing direction from changing
// its neighbours'. Text becomes a text node, so no name and no error can become markup.
export function foreign(text, props = {}) {
    return html`<bdi ...${props}>${text}</bdi>`;
}

// These two write only what has changed, which spares layout and screen readers work.
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
    if (node.hidden === visible) node.hidden = !visible;
}

let ids = 0;

export function freshId(prefix) {
    ids += 1;
    return `${prefix}-${ids}`;
}
