//! Prints the words of one answer on the command line, with reports of what happens.

use std::io::{self, Write};

use tokio::sync::mpsc::Receiver;

use super::{answer::Answer, question::Question, reply::sources, telling::Piece, wire::finish::Finish};

/// Writes an answer to `text` as it arrives, and to `aside` its source and how it ends. Returns
/// whether it was complete. `why` returns the API's words for the reason of a fallback.
///
/// # Errors
/// The output is closed.
pub async fn show(
    question: &Question,
    mut pieces: Receiver<Piece>,
    why: impl Fn(&str) -> Option<String>,
    text: &mut impl Write,
    aside: &mut impl Write,
) -> io::Result<bool> {
    let mut is_whole = false;
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Source(answer) => writeln!(aside, "[{}]", from(question, &answer, &why))?,
            Piece::Token(token) => {
                write!(text, "{token}")?;
                text.flush()?;
            }
            Piece::Done { finish, truncated } => {
                is_whole = !truncated;
                writeln!(text)?;
                writeln!(aside, "[{}]", end(finish, truncated))?;
            }
            Piece::Cut { reason, instead } => {
                is_whole = false;
                writeln!(text)?;
                writeln!(aside, "[{}]", cut(reason))?;
                if let Some(instead) = instead {
                    writeln!(aside, "[instead of the rest, from {}]", instead.source.as_str())?;
                    writeln!(text, "{}", instead.text)?;
                }
            }
            Piece::Reset => writeln!(aside, "[another answer, from its beginning]")?,
        }
    }
    Ok(is_whole)
}

/// The source of an answer.
fn from(question: &Question, answer: &Answer, why: &impl Fn(&str) -> Option<String>) -> String {
    let provider = answer.provider.as_ref().map(|provider| format!(", {provider}")).unwrap_or_default();
    let words = |reason| why(reason).map(|words| format!(" ({words})")).unwrap_or_default();
    let reason = answer.reason.map(|reason| format!(", because of {reason}{}", words(reason))).unwrap_or_default();
    let notes: Vec<_> = sources(question).into_iter().map(|note| note.title).collect();
    format!("source: {}{provider}{reason}; notes: {}", answer.source.as_str(), notes.join(", "))
}

fn end(finish: Option<Finish>, truncated: bool) -> String {
    let finish = finish.map_or_else(String::new, |finish| format!(": {}", finish.as_str()));
    let truncated = if truncated { ", there would have been more" } else { "" };
    format!("done{finish}{truncated}")
}

/// The end of an incomplete answer.
#[must_use]
pub fn cut(reason: &str) -> String {
    let what = match reason {
        "timeout" => "the API stopped sending in the middle of its answer",
        "cut" => "the API broke off in the middle of its answer",
        "ending" => "the service ends",
        _ => "the API failed in the middle of its answer",
    };
    format!("cut: {what}; the text is not complete")
}
