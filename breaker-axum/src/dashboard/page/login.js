// Login: the token that actions need, and its end.

import { setText, show } from './elements.js';
import { icon } from './icons.js';

export class Login {
    // `changed()`: who one is has changed, so the server has something new to say of what is allowed.
    constructor(session, changed) {
        Object.assign(this, { session, changed });
        this.dialog = document.getElementById('login');
        this.form = document.getElementById('login-form');
        this.token = document.getElementById('login-token');
        this.problem = document.getElementById('login-problem');
        this.button = document.getElementById('login-open');
        this.text = document.getElementById('login-text');
        this.button.prepend(icon('key'));
        this.button.addEventListener('click', () => (this.actions === 'on' ? this.logout() : this.open()));
        document.getElementById('login-cancel').addEventListener('click', () => this.dialog.close());
        this.form.addEventListener('submit', (event) => this.send(event));
        this.dialog.addEventListener('close', () => {
            this.token.value = '';
            this.tell('');
        });
    }

    update(actions) {
        this.actions = actions;
        show(this.button, actions !== 'off');
        setText(this.text, actions === 'on' ? 'Log out' : 'Log in');
    }

    open() {
        this.dialog.showModal();
        this.token.focus();
    }

    tell(text) {
        setText(this.problem, text);
        if (text) this.token.setAttribute('aria-invalid', 'true');
        else this.token.removeAttribute('aria-invalid');
    }

    async send(event) {
        event.preventDefault();
        if (!this.token.value) return this.tell('Type the token that the service was started with.');
        try {
            const problem = await this.session.login(this.token.value);
            if (problem) {
                this.tell(problem);
                this.token.select();
                return;
            }
            this.dialog.close();
            this.changed();
        } catch (error) {
            this.tell(`The server could not be reached (${error.message}).`);
        }
    }

    async logout() {
        await this.session.logout().catch(() => {});
        this.changed();
    }
}
