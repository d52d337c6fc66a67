// Draws icons: one shape for each state, so that colour is never the only sign, and those of
// buttons.

import { html } from './elements.js';

const SHAPES = {
    open: ['M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z', 'M5.5 5.5l5 5m0-5l-5 5'],
    forced_open: ['M2.5 7.2h11v7h-11z', 'M5 7V4.8a3 3 0 0 1 6 0V7'],
    half_open: ['M8 1.5l6.5 6.5L8 14.5 1.5 8z', 'M8 5v3.4m0 2.2v.2'],
    disabled: ['M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z', 'M3.6 12.4l8.8-8.8'],
    shadow: ['M1.2 8C4 3.4 12 3.4 14.8 8C12 12.6 4 12.6 1.2 8z', 'M8 6.2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6z'],
    closed: ['M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z', 'M5 8.3l2.1 2.1L11.2 6'],
    close: ['', 'M3.5 3.5l9 9m0-9l-9 9'],
    theme: ['M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z', 'M8 1.5v13'],
    key: ['M5 5.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6z', 'M7.8 8h6.7v2.6M11.8 8v2'],
};

export function icon(name) {
    const [shape, sign] = SHAPES[name] ?? SHAPES.half_open;
    return html`<svg class="icon icon-${name}" viewBox="0 0 16 16" aria-hidden="true">
        <path class="shape" d=${shape} /><path class="sign" d=${sign} />
    </svg>`;
}

// The address of the icon in the browser's tab, which shows the overall state.
export function tabIcon(tone) {
    const colour = { down: '#d6403a', trial: '#d98a1f', working: '#2a9d62', idle: '#8a94a3', lost: '#8a94a3' }[tone];
    const sign = tone === 'working' ? 'M4.6 8.3l2.3 2.3L11.4 6' : tone === 'down' ? 'M5.3 5.3l5.4 5.4m0-5.4l-5.4 5.4' : 'M8 4.5v4m0 2.6v.2';
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="${colour}"/>`
        + `<path d="${sign}" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/></svg>`;
    return `data:image/svg+xml,${encodeURIComponent(drawing)}`;
}
