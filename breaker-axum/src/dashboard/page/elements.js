// Dom: how elements are made and changed. Text goes in by `textContent` alone, so that no name and no error can become markup.

const SVG = 'http://www.w3.org/2000/svg';

// An element with attributes and children; strings become text. `null` attributes and children are left out.
export function el(tag, attributes = {}, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

// The same for the elements of a drawing.
export function svg(tag, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? '' : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
}

// What has not changed is not touched: neither layout nor screen readers have work with it.
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
    if (value === null || value === undefined) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, visible) {
    if (node.hidden === visible) node.hidden = !visible;
}

// Text from outside: a name, an error. It keeps its own direction of writing, and cannot turn that of its neighbours.
export function foreign(text, attributes = {}) {
    return el('bdi', attributes, text);
}

// Replaces the children, but only when `key` is another one than the last time.
export function renderOnce(node, key, make) {
    if (node.renderedKey === key) return;
    node.renderedKey = key;
    node.replaceChildren(...[make()].flat());
}

let ids = 0;

export function freshId(prefix) {
    ids += 1;
    return `${prefix}-${ids}`;
}
