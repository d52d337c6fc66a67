//! Fails when a call takes more instructions than its limit.
//!
//! It counts instructions, since seconds depend on what else the machine does.

use crate::find;
use crate::instructions::{self, Base};

/// The limit of one case, in instructions above the bare call or the clock.
struct Limit<'a> {
    subject: &'a str,
    case: &'a str,
    most: f64,
    promised: f64,
}

impl<'a> Limit<'a> {
    /// Input: `attribute|ok|32|32`
    fn parse(text: &'a str) -> Result<Self, String> {
        let problem = || format!("`{text}` is no SUBJECT|CASE|LIMIT|PROMISE");
        let [subject, case, most, promised] = text.split('|').collect::<Vec<_>>()[..] else { return Err(problem()) };
        let number = |text: &str| text.parse().map_err(|_| problem());
        Ok(Self { subject, case, most: number(most)?, promised: number(promised)? })
    }
}

/// Returns an error when a case exceeds its limit.
pub(crate) fn check(limits: &[&str]) -> Result<(), String> {
    if !instructions::available() {
        println!(
            "skipped: no valgrind on the PATH (Debian: apt-get install valgrind), and nothing else counts instructions"
        );
        return Ok(());
    }
    let base = Base::count()?;
    println!("{:<12} {:<18} {:>6} {:>6} {:>9}", "subject", "case", "over", "limit", "promised");
    let mut exceeded = Vec::new();
    for text in limits {
        let Limit { subject, case, most, promised } = Limit::parse(text)?;
        let (found, in_case) = find(subject, case)?;
        let over = base.over(in_case, instructions::of(found, in_case)?);
        println!("{subject:<12} {case:<18} {over:>6.0} {most:>6.0} {promised:>9.0}");
        if over > most {
            exceeded.push(format!("{subject}, {case}"));
        }
    }
    if exceeded.is_empty() { Ok(()) } else { Err(format!("more instructions than the limit: {}", exceeded.join("; "))) }
}
