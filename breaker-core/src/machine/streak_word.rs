//! Packs a failure streak into one word, so that a call below the limit changes it without the
//! machine's lock.
//!
//! While a breaker is closed, its streak is in the [`StreakWord`] of its gate. A failure that stays
//! below the limit, and a success that ends the streak, each replace that word by one
//! compare-exchange. Nothing else of the breaker changes then. The [`StreakRule`] beside it says
//! how long the word may make a streak. The machine takes the word at the start of each change
//! under its lock (`Machine::take_streak`), and publishes another one at the end. Each time both
//! get the next tag, so a call that has read the words of an earlier time replaces nothing.
//!
//! May use: what `machine` may. To add a condition under which a failure is more than one step of
//! its streak, add it to `Machine::streak_rule`.

use crate::clock::Tick;

/// Times are kept in units of 2^20 ns, about a millisecond.
const UNIT_SHIFT: u32 = 20;
/// The length has 12 bits, the tag has 8, and the time has the rest.
const TAG_SHIFT: u32 = 12;
const TIME_SHIFT: u32 = 20;
/// The bits of the length that count failures.
const FAILURES: u64 = (1 << 11) - 1;
/// The machine has further failures of this streak.
const MORE: u64 = 1 << 11;
const LENGTH: u64 = MORE | FAILURES;

/// The longest streak that a word holds.
pub(crate) const LONGEST: u32 = FAILURES as u32;

/// The length of a failure streak, and when its last failure was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreakWord(pub(crate) u64);

/// How long a word may make a streak without the machine, and after what time between two failures
/// the machine decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreakRule(pub(crate) u64);

const fn tagged(tag: u8, low: u64, units: u64) -> u64 {
    units << TIME_SHIFT | (tag as u64) << TAG_SHIFT | low
}

const fn tag_of(word: u64) -> u8 {
    (word >> TAG_SHIFT) as u8
}

const fn units(tick: Tick) -> u64 {
    tick.as_nanos() >> UNIT_SHIFT
}

impl StreakWord {
    /// The word while the machine works on the streak: no call changes it. A success need not wait
    /// for the machine where there is no streak, so the word is empty then.
    pub(crate) const fn taken(self, tag: u8) -> Self {
        let length = if self.is_empty() { 0 } else { LENGTH };
        Self(tagged(tag, length, 0))
    }

    /// The last `failures` of a streak. `more`: the machine has further ones. Then `failures` must
    /// not be 0.
    pub(crate) const fn new(tag: u8, failures: u32, more: bool, last: Tick) -> Self {
        let more = if more { MORE } else { 0 };
        Self(tagged(tag, failures as u64 & FAILURES | more, units(last)))
    }

    /// Whether there is no streak.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 & LENGTH == 0
    }

    /// The failures in this word.
    pub(crate) const fn failures(self) -> u32 {
        (self.0 & FAILURES) as u32
    }

    /// When its last failure was. `exact` is the time of the last failure that was recorded. It
    /// replaces the time of this word, unless two threads have interfered.
    pub(crate) fn last(self, exact: Tick) -> Tick {
        let own = self.0 >> TIME_SHIFT;
        if units(exact) == own { exact } else { Tick::from_nanos(own << UNIT_SHIFT) }
    }

    /// The word after one more failure. `None`: the machine has to decide about it.
    #[inline]
    pub(crate) const fn lengthened(self, rule: StreakRule, now: Tick) -> Option<Self> {
        let goes_on = self.is_empty() || units(now).saturating_sub(self.0 >> TIME_SHIFT) < rule.gap();
        if tag_of(self.0) == tag_of(rule.0) && self.0 & FAILURES < rule.most() && goes_on {
            Some(Self(self.0 & ((1 << TIME_SHIFT) - 1) | units(now) << TIME_SHIFT).add_one())
        } else {
            None
        }
    }

    const fn add_one(self) -> Self {
        Self(self.0 + 1)
    }

    /// The word after a success. `None`: the machine has to end the streak.
    #[inline]
    pub(crate) const fn ended(self, rule: StreakRule) -> Option<Self> {
        if tag_of(self.0) == tag_of(rule.0) && self.0 & MORE == 0 { Some(Self(self.0 & !LENGTH)) } else { None }
    }

    /// Whether a failure now would be the first of a streak, or one about which the machine
    /// decides: the last one before an opening.
    pub(crate) const fn is_at_an_end(self, rule: StreakRule) -> bool {
        self.is_empty() || self.0 & FAILURES >= rule.most()
    }
}

impl StreakRule {
    /// `most` is the number of failures that a word may hold; 0: the machine decides about each
    /// failure. `gap` is the longest time between two failures, in nanoseconds.
    pub(crate) const fn new(tag: u8, most: u32, gap: u64) -> Self {
        let most = if most > LONGEST { LONGEST } else { most };
        Self(tagged(tag, most as u64, gap >> UNIT_SHIFT))
    }

    const fn most(self) -> u64 {
        self.0 & LENGTH
    }

    /// Two times whose units differ by less than this are at most the gap apart.
    const fn gap(self) -> u64 {
        self.0 >> TIME_SHIFT
    }
}

/// The streak of a gate at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedStreak {
    pub(crate) word: StreakWord,
    /// When its first failure was.
    pub(crate) first: Tick,
    /// When the last failure of the breaker was, in a streak or not; zero: there was none.
    pub(crate) last_failure: Tick,
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u64 = 1 << UNIT_SHIFT;
    const NOW: Tick = Tick::from_nanos(UNIT * 1_000_000 + 5);

    const fn later(nanos: u64) -> Tick {
        Tick::from_nanos(NOW.as_nanos() + nanos)
    }

    #[test]
    fn a_word_counts_up_to_the_rule_and_keeps_its_tag_and_time() {
        let rule = StreakRule::new(7, 2, u64::MAX);
        let empty = StreakWord::new(7, 0, false, Tick::ZERO);
        let one = empty.lengthened(rule, NOW).unwrap();
        let two = one.lengthened(rule, later(UNIT * 9)).unwrap();
        assert_eq!((empty.is_empty(), one.failures(), two.failures()), (true, 1, 2));
        assert_eq!(two.lengthened(rule, NOW), None, "the machine decides about the third");
        assert_eq!(two.last(later(UNIT * 9)), later(UNIT * 9), "the exact time is of the same unit");
        assert_eq!(two.last(NOW).as_nanos() % UNIT, 0, "another thread has recorded its own time");
        let ended = two.ended(rule).unwrap();
        assert!(ended.is_empty() && ended.lengthened(rule, NOW) == Some(one));
    }

    #[test]
    fn no_call_changes_a_word_of_another_tag_or_one_that_was_taken() {
        let rule = StreakRule::new(8, 2, u64::MAX);
        let other = StreakWord::new(7, 1, false, NOW);
        for word in [other, other.taken(9), other.taken(7)] {
            assert!(!word.is_empty() && word.lengthened(rule, NOW).is_none() && word.ended(rule).is_none());
        }
        let empty = StreakWord::new(7, 0, false, NOW).taken(9);
        assert!(empty.is_empty() && empty.lengthened(rule, NOW).is_none());
    }

    #[test]
    fn the_machine_ends_a_streak_of_which_it_has_a_part() {
        let rule = StreakRule::new(1, 9, u64::MAX);
        let part = StreakWord::new(1, 1, true, NOW);
        assert!(part.ended(rule).is_none());
        assert_eq!(part.lengthened(rule, NOW).unwrap().failures(), 2);
    }

    #[test]
    fn the_machine_decides_where_the_units_do_not_tell_whether_the_gap_is_over() {
        let gap = UNIT * 10 + 3;
        let rule = StreakRule::new(0, 9, gap);
        let word = StreakWord::new(0, 1, false, NOW);
        assert!(word.lengthened(rule, later(UNIT * 9)).is_some());
        for nanos in [UNIT * 10, gap, gap + 1, gap * 5] {
            assert!(word.lengthened(rule, later(nanos)).is_none(), "{nanos}");
        }
        let short = StreakRule::new(0, 9, UNIT - 1);
        assert!(word.lengthened(short, NOW).is_none());
        assert!(StreakWord::new(0, 0, false, NOW).lengthened(short, NOW).is_some(), "a first failure has no gap");
        let off = StreakRule::new(0, 9, u64::MAX);
        assert!(word.lengthened(off, Tick::from_nanos(u64::MAX - UNIT)).is_some());
    }

    #[test]
    fn a_long_streak_is_held_in_parts() {
        let rule = StreakRule::new(0, u32::MAX, u64::MAX);
        let full = StreakWord::new(0, LONGEST, false, NOW);
        assert!(full.lengthened(rule, NOW).is_none() && full.is_at_an_end(rule));
        assert!(StreakWord::new(0, LONGEST - 1, false, NOW).lengthened(rule, NOW) == Some(full));
    }
}
