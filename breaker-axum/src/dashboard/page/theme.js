// Sets the theme: the system's, or the one that was chosen. It runs before the page is painted, so
// that no wrong theme is visible.

const themes = ['auto', 'light', 'dark'];

function chosen() {
    try {
        return themes.includes(localStorage.getItem('breaker-theme')) ? localStorage.getItem('breaker-theme') : 'auto';
    } catch {
        return 'auto';
    }
}

function apply(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) button.textContent = `Theme: ${theme}`;
}

apply(chosen());
addEventListener('DOMContentLoaded', () => {
    apply(chosen());
    document.getElementById('theme').addEventListener('click', () => {
        const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
        try {
            localStorage.setItem('breaker-theme', next);
        } catch {
            // Without storage, the choice lasts until the page is closed.
        }
        apply(next);
    });
});
