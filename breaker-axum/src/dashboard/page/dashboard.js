// Connects the parts of the page: events of the server to the views, and input to the server.

import { Detail } from './detail.js';
import { html, render, setText, show } from './elements.js';
import { Events } from './event_source.js';
import { List } from './list.js';
import { Login } from './login.js';
import { Overview } from './overview.js';
import { UrlState } from './url_state.js';
import { Session } from './session.js';
import { Store } from './store.js';
import { span, timeOfDay } from './labels.js';

const store = new Store();
const session = new Session();
const url = new UrlState(onUrlChange);
const overview = new Overview(store, open);
const detail = new Detail(store, session, onClose, () => login.open());
const events = new Events(onEvent, onLost, onFound);
const login = new Login(session, () => events.reconnect());
const banner = document.getElementById('banner');
const live = document.getElementById('live');
let list = null;
// The timer of the next drawing.
let drawing = null;
let lostAt = null;

function drawList() {
    render(html`<${List} ref=${(view) => { list = view; }} store=${store} url=${url} change=${onFilter} open=${open} />`,
        document.getElementById('list'));
}

function onFilter(values) {
    url.change(values);
    drawList();
}

function open(name) {
    url.change({ breaker: name });
    detail.open(name);
}

function onClose() {
    const { breaker } = url;
    if (!breaker) return;
    url.change({ breaker: '' });
    list.focus(breaker);
}

function onUrlChange() {
    drawList();
    if (url.breaker) detail.open(url.breaker);
    else detail.close();
}

function onEvent(kind, data) {
    switch (kind) {
        case 'hello':
            store.hello(data);
            login.update(store.actions);
            break;
        case 'full':
            store.full(data);
            document.body.classList.remove('loading');
            draw();
            if (url.breaker && !detail.name) detail.open(url.breaker);
            else detail.fetch();
            break;
        case 'tick':
            store.tick(data);
            scheduleDraw();
            break;
        case 'transition':
            store.transition(data);
            overview.announce(data.name, data.transition);
            scheduleDraw();
            if (detail.name === data.name) detail.fetch();
            break;
        case 'audit':
            if (detail.name === data.name) detail.fetch();
            break;
    }
}

// Events that come together are drawn together: an outage may open a hundred breakers at once.
function scheduleDraw() {
    drawing ??= setTimeout(draw, 16);
}

function draw() {
    clearTimeout(drawing);
    drawing = null;
    drawList();
    overview.update();
    tick();
}

// Times go on between two events, and stop while the connection is lost.
function tick() {
    if (document.hidden) return;
    if (lostAt === null) {
        list?.tick();
        detail.update();
    } else {
        showLost();
    }
}

function onLost(lastEvent) {
    lostAt = lastEvent;
    store.freeze();
    document.body.classList.add('stale');
    setText(live, 'Not connected');
    overview.setTab('lost', 'Connection lost · Circuit breakers');
    showLost();
    show(banner, true);
}

// Screen readers read the first text, which stays the same. The seconds are hidden from them.
function showLost() {
    const known = store.breakers.size > 0;
    setText(document.getElementById('banner-text'), known
        ? `Connection lost since ${timeOfDay(store.now(), store.now())}. Trying again. The page shows the state of that time.`
        : 'The server cannot be reached. Trying again.');
    setText(document.getElementById('banner-time'), span(performance.now() - lostAt));
}

function onFound() {
    lostAt = null;
    document.body.classList.remove('stale');
    setText(live, 'Live');
    show(banner, false);
    overview.update();
}

document.getElementById('try-now').addEventListener('click', () => events.reconnect());
document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select') || document.querySelector('dialog[open]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById('filter')?.select();
});
document.addEventListener('visibilitychange', tick);
setInterval(tick, 250);
