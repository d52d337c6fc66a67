//! Tests the dashboard's actions: only after a login, with words before and after, and with effect.

use breaker_browser::{Assistant, Chrome, Key, Trouble, View};

const TOKEN: &str = "a-token-that-nobody-can-guess";

/// The state of the breaker, from another route of the service.
async fn state(assistant: &Assistant) -> Result<String, Trouble> {
    Ok(assistant.breaker().await?["state"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_needs_the_login_says_what_it_does_and_takes_effect() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[("DASHBOARD_TOKEN", TOKEN)]).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&assistant.dashboard, View::DESK).await?;
    tab.click(".row .name").await?;
    tab.until_text("[data-part=locked]", "Acting needs the token").await?;
    assert_eq!(tab.eval("document.querySelectorAll('[data-action]').length").await?, 0);

    // The page reports a wrong token at the field, and accepts the right one.
    tab.click("[data-part=login]").await?;
    tab.until("document.activeElement.id === 'login-token'").await?;
    tab.write("not the token").await?;
    tab.press(Key::Enter, false).await?;
    tab.until_text("#login-problem", "The token is wrong.").await?;
    tab.until("document.querySelector('#login-token').ariaInvalid === 'true'").await?;
    let refused = tab.complaints();
    assert!(refused.iter().all(|text| text.contains("401")), "{refused:?}");
    tab.forgive();
    tab.fill("#login-token", TOKEN).await?;
    tab.press(Key::Enter, false).await?;
    tab.until("!document.querySelector('#login').open").await?;
    tab.until_text("#login-text", "Log out").await?;

    // The dialog says what the action does; "Cancel" does nothing.
    tab.click("[data-action=force_open]").await?;
    tab.until_text("#confirm-says", "The breaker rejects all calls").await?;
    tab.click("#confirm [value=no]").await?;
    tab.until("!document.querySelector('#confirm').open").await?;
    assert_eq!(state(&assistant).await?, "closed");
    tab.click("[data-action=force_open]").await?;
    tab.click("#confirm-yes").await?;
    tab.until_text("[data-part=result]", "Done: huggingface_api was working, now it is blocked.").await?;
    tab.until_text("#detail [data-part=word]", "Blocked").await?;
    tab.until_text("#detail [data-part=audit]", "force open").await?;
    assert_eq!(state(&assistant).await?, "forced_open");
    // A breaker that is forced open admits no probes before it is released.
    tab.until("document.querySelector('[data-action=release]')").await?;
    assert_eq!(tab.eval("document.querySelectorAll('[data-action=half_open]').length").await?, 0);

    // An action for a limited time.
    tab.click("[data-action=release]").await?;
    tab.until_text("[data-part=result]", "now it is working").await?;
    tab.click("[data-action=force_open]").await?;
    tab.fill("#confirm-seconds", "90").await?;
    tab.click("#confirm-yes").await?;
    tab.until_text("[data-part=result]", "now it is blocked for 90 seconds").await?;
    tab.until_text("#detail [data-part=next]", "for another 1 min").await?;

    for (action, word, state_after) in
        [("disable", "Unguarded", "disabled"), ("shadow", "Watched", "shadow"), ("reset", "Working", "closed")]
    {
        tab.click(&format!("[data-action={action}]")).await?;
        tab.click("#confirm-yes").await?;
        tab.until_text("#detail [data-part=word]", word).await?;
        assert_eq!(state(&assistant).await?, state_after);
    }

    // Logged out, there are no actions.
    tab.press(Key::Escape, false).await?;
    tab.click("#login-open").await?;
    tab.until_text("#login-text", "Log in").await?;
    tab.click(".row .name").await?;
    tab.until_text("[data-part=locked]", "Acting needs the token").await?;
    tab.assert_clean(&assistant.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_checked_shown_before_they_are_applied_and_take_effect() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[("DASHBOARD_TOKEN", TOKEN)]).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&assistant.dashboard, View::DESK).await?;
    tab.click("#login-open").await?;
    tab.write(TOKEN).await?;
    tab.press(Key::Enter, false).await?;
    tab.until_text("#login-text", "Log out").await?;
    tab.click(".row .name").await?;
    tab.until("document.querySelectorAll('.settings tbody tr').length > 10").await?;

    tab.click("#detail form button:not([hidden])").await?;
    tab.until("document.querySelectorAll('.settings input').length > 10").await?;
    tab.fill(".settings input[name=fail_max]", "0").await?;
    tab.fill(".settings input[name=recovery_timeout]", "soon").await?;
    tab.press(Key::Enter, false).await?;
    // Each error appears at its field, and the first one has the focus.
    let problem = |key: &str| {
        format!(
            "document.getElementById(document.querySelector('.settings input[name={key}][aria-invalid=true]').getAttribute('aria-describedby')).textContent.length > 5"
        )
    };
    tab.until(&problem("fail_max")).await?;
    tab.until(&problem("recovery_timeout")).await?;
    tab.until("document.activeElement.name === 'fail_max'").await?;
    let refused = tab.complaints();
    assert!(refused.iter().all(|text| text.contains("422")), "{refused:?}");
    tab.forgive();

    tab.fill(".settings input[name=fail_max]", "7").await?;
    tab.fill(".settings input[name=recovery_timeout]", "45s").await?;
    tab.press(Key::Enter, false).await?;
    tab.until_text(".preview", "2 settings would change").await?;
    tab.until_text(".preview", "fail_max 5 → 7").await?;
    tab.until_text(".preview", "recovery_timeout 30s → 45s").await?;
    assert_eq!(assistant.breaker().await?["config"]["fail_max"], 5, "a preview changes nothing");

    tab.click(".preview .primary").await?;
    tab.until_text("[data-part=result]", "fail_max was 5, now it is 7").await?;
    tab.until_text(".settings", "changed at run time").await?;
    tab.until_text("[data-part=facts]", "it opens at 7").await?;
    let config = assistant.breaker().await?["config"].clone();
    assert_eq!((&config["fail_max"], &config["recovery_timeout_ms"]), (&7.into(), &45_000.into()));
    tab.assert_clean(&assistant.origin);
    Ok(())
}
