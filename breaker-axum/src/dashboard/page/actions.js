// Performs what an operator can do to a breaker, after saying it in words.

import { Component, foreign, html, render, setText, show } from './elements.js';
import { refusal } from './session.js';
import { plural, stateOf } from './labels.js';

// `when` has the states in which an action makes sense. With `ask`, it needs a confirmation.
export const ACTIONS = {
    force_open: {
        title: 'Block', when: ['closed', 'open', 'half_open', 'shadow', 'disabled'], ask: true, seconds: true,
        says: 'The breaker rejects all calls, even if the dependency is healthy. Users get the fallbacks, or an error if there is none.',
    },
    disable: {
        title: 'Switch breaker off', when: ['closed', 'open', 'half_open', 'forced_open', 'shadow'], ask: true,
        says: 'Every call is made, without a breaker. If the dependency is down, it gets the full load, and users wait for each '
            + 'call and its error. This holds until an operator releases the breaker.',
    },
    shadow: {
        title: 'Only watch', when: ['closed', 'open', 'half_open', 'forced_open', 'disabled'], ask: true,
        says: 'The breaker counts and reports what it would do, but rejects no call. This holds until an operator releases the breaker.',
    },
    trip: {
        title: 'Open now', when: ['closed', 'half_open', 'shadow'], ask: true,
        says: 'The breaker opens as after too many failures. It rejects calls for the recovery time, then it admits probes.',
    },
    half_open: {
        title: 'Try again now', when: ['open'], ask: false,
        says: 'The next calls are probes, which show whether the dependency works again.',
    },
    release: {
        title: 'Release', when: ['forced_open', 'disabled', 'shadow'], ask: false,
        says: 'The breaker follows its rules again, and starts closed.',
    },
    reset: {
        title: 'Reset', when: ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'shadow'], ask: true,
        says: 'The breaker closes. Its counts, its consecutive failures and its last error are cleared.',
    },
};

// The likeliest action comes first.
const ORDER = ['release', 'half_open', 'force_open', 'disable', 'shadow', 'trip', 'reset'];

// The buttons of the actions. Props: `breaker` and `start(name)`.
export class ActionButtons extends Component {
    // The focus stays on the same action, or goes to the first one if that is gone.
    getSnapshotBeforeUpdate() {
        return this.base.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    }

    componentDidUpdate(_, __, focused) {
        if (!focused || this.base.contains(document.activeElement)) return;
        (this.base.querySelector(`[data-action="${focused}"]`) ?? this.base.querySelector('button'))?.focus();
    }

    render({ breaker, start }) {
        const names = ORDER.filter((name) => ACTIONS[name].when.includes(breaker.state));
        return html`<div class="buttons">${names.map((name, at) => html`<button key=${name} type="button"
            data-action=${name} class=${at === 0 ? 'primary' : null} onclick=${() => start(name)}>${ACTIONS[name].title}</button>`)}</div>`;
    }
}

// Asks for a confirmation and sends the action.
export class Actions {
    // `say(text, good)` shows the result. `done()` runs after a successful action.
    constructor(session, say, done) {
        Object.assign(this, { session, say, done });
        this.dialog = document.getElementById('confirm');
        this.dialog.addEventListener('close', () => this.confirmed());
    }

    start(breaker, name) {
        Object.assign(this, { breaker, chosen: name });
        const { title, says, ask, seconds } = ACTIONS[name];
        if (!ask) return this.perform();
        render([`${title}: `, foreign(breaker.label || breaker.name, { class: 'clip' })], document.getElementById('confirm-title'));
        setText(document.getElementById('confirm-says'), says);
        setText(document.getElementById('confirm-state'), `At the moment it ${stateOf(breaker.state).says}.`);
        setText(document.getElementById('confirm-yes'), title);
        show(document.getElementById('confirm-time'), Boolean(seconds));
        document.getElementById('confirm-seconds').value = '';
        this.dialog.returnValue = '';
        this.dialog.showModal();
    }

    confirmed() {
        if (this.dialog.returnValue !== 'yes') return;
        this.perform(Number(document.getElementById('confirm-seconds').value) || null);
    }

    async perform(seconds = null) {
        const { name, label } = this.breaker;
        const action = this.chosen;
        try {
            const answer = await this.session.action(name, action, ACTIONS[action].seconds ? seconds : null);
            if (!answer.ok) return this.say(refusal(answer), false);
            const word = (state) => stateOf(state).word.toLowerCase();
            const { before, after } = answer.body;
            const time = action === 'force_open' && seconds ? ` for ${plural(seconds, 'second', 'seconds')}` : '';
            this.say(`Done: ${label || name} was ${word(before)}, now it is ${word(after)}${time}.`, true);
            this.done();
        } catch (error) {
            this.say(`Not done: the server could not be reached (${error.message}).`, false);
        }
    }
}
