// Sends requests to the server, with the session of the person who is logged in.

export class Session {
    constructor() {
        this.csrf = null;
    }

    // The settings, call sites and audit of a breaker; `null` if the server does not know it.
    async detail(name) {
        const response = await fetch(`detail?name=${encodeURIComponent(name)}`, { credentials: 'same-origin' });
        if (response.status === 404) return null;
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        return response.json();
    }

    // Returns an empty text, or the reason for the refusal in words.
    async login(token) {
        const body = new URLSearchParams({ token });
        const response = await fetch('login', { method: 'POST', body, credentials: 'same-origin', headers: { Accept: 'application/json' } });
        this.csrf = null;
        if (response.ok) return '';
        if (response.status === 429) return `Too many attempts. Try again in ${response.headers.get('Retry-After') ?? 'some'} seconds.`;
        if (response.status === 401) return 'The token is wrong.';
        return `The server answered ${response.status}.`;
    }

    async logout() {
        await this.post('logout', null);
        this.csrf = null;
    }

    action(name, action, seconds) {
        return this.post('action', { name, action, ...(seconds ? { seconds } : {}) });
    }

    settings(name, set, preview) {
        return this.post('settings', { name, set, preview });
    }

    // Returns `{ok, status, body}`. An expired CSRF token is fetched again once.
    async post(path, json, retry = true) {
        this.csrf ??= await this.token();
        const headers = { 'X-CSRF-Token': this.csrf ?? '', Accept: 'application/json' };
        if (json) headers['Content-Type'] = 'application/json';
        const response = await fetch(path, { method: 'POST', credentials: 'same-origin', headers, body: json ? JSON.stringify(json) : null });
        if (response.status === 403 && retry) {
            this.csrf = null;
            return this.post(path, json, false);
        }
        let body = {};
        if (response.headers.get('Content-Type')?.includes('json')) body = await response.json();
        return { ok: response.ok, status: response.status, body };
    }

    async token() {
        const response = await fetch('session', { credentials: 'same-origin' });
        return response.ok ? (await response.json()).csrf : null;
    }
}

// Why the server refused a request, in words.
export function refusal({ status, body }) {
    if (status === 401) return 'You are no longer logged in. Log in and try again.';
    if (status === 403) return 'The server refused it: this page is not logged in. Log in and try again.';
    if (status === 404) return 'The server no longer knows this breaker.';
    if (status === 429) return 'Too many requests. Wait a moment and try again.';
    return body.error ? `The server refused it: ${body.error}.` : `The server answered ${status}.`;
}
