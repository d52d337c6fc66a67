// Logs in with the token, and out.

import { render, setText, show } from './elements.js';
import { icon } from './icons.js';

export class Login {
    // `onChange()` runs after a login or a logout, since both change what is allowed.
    constructor(session, onChange) {
        Object.assign(this, { session, onChange });
        this.dialog = document.getElementById('login');
        this.form = document.getElementById('login-form');
        this.token = document.getElementById('login-token');
        this.problem = document.getElementById('login-problem');
        this.button = document.getElementById('login-open');
        this.text = document.getElementById('login-text');
        render(icon('key'), document.getElementById('login-icon'));
        this.button.addEventListener('click', () => (this.actions === 'on' ? this.logout() : this.open()));
        document.getElementById('login-cancel').addEventListener('click', () => this.dialog.close());
        this.form.addEventListener('submit', (event) => this.send(event));
        this.dialog.addEventListener('close', () => {
            this.token.value = '';
            this.showProblem('');
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

    showProblem(text) {
        setText(this.problem, text);
        if (text) this.token.setAttribute('aria-invalid', 'true');
        else this.token.removeAttribute('aria-invalid');
    }

    async send(event) {
        event.preventDefault();
        if (!this.token.value) return this.showProblem('Type the token that the service was started with.');
        try {
            const problem = await this.session.login(this.token.value);
            if (problem) {
                this.showProblem(problem);
                this.token.select();
                return;
            }
            this.dialog.close();
            this.onChange();
        } catch (error) {
            this.showProblem(`The server could not be reached (${error.message}).`);
        }
    }

    async logout() {
        await this.session.logout().catch(() => {});
        this.onChange();
    }
}
