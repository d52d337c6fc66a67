// Actions: what an operator can do to a breaker, each said in words before it is done.

import { el, foreign, setText } from './elements.js';
import { refusal } from './session.js';
import { plural, stateOf } from './labels.js';

// `when`: the states in which it makes sense. `ask`: it is done only after a second look.
export const ACTIONS = {
    force_open: {
        title: 'Block', when: ['closed', 'open', 'half_open', 'shadow', 'disabled'], ask: true, seconds: true,
        says: 'No more calls are made to it. Users get the fallbacks, or an error where there is none, however healthy it is.',
    },
    disable: {
        title: 'Switch breaker off', when: ['closed', 'open', 'half_open', 'forced_open', 'shadow'], ask: true,
        says: 'Every call is made, unguarded. While it is down, users wait for each call and get its error, and it gets no rest. '
            + 'This holds until somebody releases it.',
    },
    shadow: {
        title: 'Only watch', when: ['closed', 'open', 'half_open', 'forced_open', 'disabled'], ask: true,
        says: 'The breaker goes on counting and tells what it would do, but rejects nobody. This holds until somebody releases it.',
    },
    trip: {
        title: 'Open now', when: ['closed', 'half_open', 'shadow'], ask: true,
        says: 'It opens as if too many calls had failed: calls are rejected for the recovery time, then it is tried again by itself.',
    },
    half_open: {
        title: 'Try again now', when: ['open', 'forced_open'], ask: false,
        says: 'The next calls are let through to see whether it is back.',
    },
    release: {
        title: 'Release', when: ['forced_open', 'disabled', 'shadow'], ask: false,
        says: 'The breaker guards by itself again, and begins with letting calls through.',
    },
    reset: {
        title: 'Reset', when: ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'shadow'], ask: true,
        says: 'It lets calls through, and its counts, its run of failures and its last error begin anew.',
    },
};

// In the order in which they are likely to be wanted.
const ORDER = ['release', 'half_open', 'force_open', 'disable', 'shadow', 'trip', 'reset'];

export class Actions {
    // `say(text, good)` tells the outcome; `done()` follows when something has been done.
    constructor(session, say, done) {
        Object.assign(this, { session, say, done });
        this.node = el('div', { class: 'buttons' });
        this.dialog = document.getElementById('confirm');
        this.dialog.addEventListener('close', () => this.answered());
    }

    update(breaker) {
        this.breaker = breaker;
        if (this.state === breaker.state && this.name === breaker.name) return;
        this.state = breaker.state;
        this.name = breaker.name;
        const focused = document.activeElement?.dataset?.action;
        const fitting = ORDER.filter((name) => ACTIONS[name].when.includes(breaker.state));
        this.node.replaceChildren(...fitting.map((name) => el('button', {
            type: 'button', 'data-action': name, class: name === fitting[0] ? 'primary' : null, onclick: () => this.start(name),
        }, ACTIONS[name].title)));
        if (focused) this.node.querySelector(`[data-action="${focused}"], button`)?.focus();
    }

    start(name) {
        this.chosen = name;
        const { title, says, ask, seconds } = ACTIONS[name];
        if (!ask) return this.perform();
        document.getElementById('confirm-title').replaceChildren(`${title}: `, foreign(this.breaker.label || this.breaker.name, { class: 'clip' }));
        setText(document.getElementById('confirm-says'), says);
        setText(document.getElementById('confirm-state'), `At the moment it ${stateOf(this.breaker.state).says}.`);
        setText(document.getElementById('confirm-yes'), title);
        document.getElementById('confirm-time').hidden = !seconds;
        document.getElementById('confirm-seconds').value = '';
        this.dialog.returnValue = '';
        this.dialog.showModal();
    }

    answered() {
        if (this.dialog.returnValue === 'yes') this.perform(Number(document.getElementById('confirm-seconds').value) || null);
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
