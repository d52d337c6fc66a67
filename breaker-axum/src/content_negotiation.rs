//! Reads from `Accept` whether a client wants its errors as `application/problem+json`.

use super::axum::http::{HeaderMap, header::ACCEPT};
use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

/// Whether the client names `application/problem+json`, with at least the quality of
/// `application/json`.
///
/// `*/*` and `application/*` do not name it: those clients get the form of the API's other errors.
/// At equal quality the named form wins, since a client that lists both can read it. Parts of the
/// header that cannot be parsed are ignored.
pub(crate) fn wants_problem(headers: &HeaderMap) -> bool {
    let lines = || headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    // The short path of most clients, which do not name it.
    if !lines().any(|line| line.to_ascii_lowercase().contains("problem+json")) {
        return false;
    }
    let (mut problem, mut json) = (0, MostSpecific::default());
    for range in lines().flat_map(MediaTypeList::new).flatten() {
        let quality = quality(&range);
        match range.essence().to_string().to_ascii_lowercase().as_str() {
            "application/problem+json" => problem = problem.max(quality),
            "application/json" => json.add(3, quality),
            "application/*" => json.add(2, quality),
            "*/*" => json.add(1, quality),
            _ => {}
        }
    }
    problem > 0 && problem >= json.quality
}

/// The quality of the most specific range so far.
#[derive(Default)]
struct MostSpecific {
    specificity: u8,
    quality: u16,
}

impl MostSpecific {
    fn add(&mut self, specificity: u8, quality: u16) {
        if specificity > self.specificity {
            *self = Self { specificity, quality };
        }
    }
}

/// The quality in thousandths: 1000 if the range has none that can be parsed.
fn quality(range: &MediaType<'_>) -> u16 {
    const Q: Name<'static> = Name::new_unchecked("q");
    let weight = range.get_param(Q).and_then(|weight| weight.as_str().parse::<f32>().ok());
    let weight = weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 1000")]
    let thousandths = (weight * 1000.0).round() as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::super::axum::http::HeaderValue;
    use super::*;

    fn wants(lines: &[&str]) -> bool {
        let lines = lines.iter().map(|line| (ACCEPT, HeaderValue::from_str(line).expect("it is a header")));
        wants_problem(&lines.collect())
    }

    #[test]
    fn problem_json_has_to_be_named() {
        for line in
            ["application/problem+json", "Application/Problem+JSON", "text/html, application/problem+json;q=0.2"]
        {
            assert!(wants(&[line]), "{line}");
        }
        for line in
            ["", "*/*", "application/*", "application/json", "application/problem+xml", "text/problem+json", ";,=\""]
        {
            assert!(!wants(&[line]), "{line}");
        }
        assert!(!wants(&[]));
    }

    #[test]
    fn the_better_liked_form_wins_and_of_equals_the_named_one() {
        for line in [
            "application/problem+json, application/json",
            "application/json, application/problem+json",
            "application/problem+json;q=0.8, application/json;q=0.799",
            "application/problem+json;q=0.5, */*;q=0.1",
            "application/json;q=0.1, application/problem+json;q=0.5, */*",
            "text/html;title=\"a, b;q=0\", application/problem+json; charset=utf-8; Q=1",
        ] {
            assert!(wants(&[line]), "{line}");
        }
        for line in [
            "application/problem+json;q=0",
            "application/problem+json;q=0.000, text/html",
            "application/problem+json;q=0.5, application/json",
            "application/problem+json;q=0.5, application/*;q=0.6",
            "application/problem+json;q=0.5, */*",
        ] {
            assert!(!wants(&[line]), "{line}");
        }
    }

    #[test]
    fn several_lines_are_one_list_and_unreadable_parts_are_passed_over() {
        assert!(wants(&["application/json;q=0.2", "application/problem+json;q=0.3"]));
        assert!(!wants(&["application/json", "application/problem+json;q=0.3"]));
        assert!(wants(&["nonsense, application/problem+json"]));
        assert!(wants(&["application/problem+json;q=banana"]));
    }
}
