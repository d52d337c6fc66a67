//! Packs a failure streak into one word, so that a call below the limit changes it without the
//! machine's lock.
//!
//! While a breaker is closed, its streak is in the [`StreakWord`] of its gate. A failure that stays
//! below the limit, and a success that ends the streak, each replace that word by one
//! compare-exchange. Nothing else of the breaker changes then. The [`StreakRule`] beside it says
//! how long the word may make a streak. The machine takes the word at the start of each change
//! under its lock (`Machine::take_streak`), and publishes another one at the end. A taken word has
//! the next tag, and the published word and rule have the one after it. So a call that has read a
//! word and a rule of different times replaces nothing.
//!
//! May use: what `machine` may. To add a condition under which a failure is more than one step of
//! its streak, add it to `Machine::streak_rule`.

use crate::clock::Tick;

/// Times are kept in units of 2^20 ns, about a millisecond.
const UNIT_SHIFT: u32 = 20;
// From the lowest bit: 12 bits of the length, 8 of the tag, 12 of the count, 32 of the time.
const TAG_SHIFT: u32 = 12;
const COUNT_SHIFT: u32 = 20;
const TIME_SHIFT: u32 = 32;
/// The bits of the length that count failures.
const FAILURES: u64 = (1 << 11) - 1;
/// The machine has further failures of this streak.
const MORE: u64 = 1 << 11;
const LENGTH: u64 = MORE | FAILURES;
/// The failures since the machine has last taken the word, in this streak and in ended ones.
const COUNT: u64 = ((1 << 12) - 1) << COUNT_SHIFT;

/// The longest streak that a word holds.
pub(crate) const LONGEST: u32 = FAILURES as u32;

/// The length of a failure streak, when its last failure was, and how many failures the machine has
/// not yet counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreakWord(pub(crate) u64);

/// How long a word may make a streak without the machine, and after what time between two failures
/// the machine decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreakRule(pub(crate) u64);

const fn tagged(tag: u8, length: u64, time: u32) -> u64 {
    (time as u64) << TIME_SHIFT | (tag as u64) << TAG_SHIFT | length
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
        Self(tagged(tag, failures as u64 & FAILURES | more, units(last) as u32))
    }

    /// Whether there is no streak.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 & LENGTH == 0
    }

    /// The failures of the streak that are in this word.
    pub(crate) const fn failures(self) -> u32 {
        (self.0 & FAILURES) as u32
    }

    /// The failures that the machine has not yet counted.
    pub(crate) const fn uncounted(self) -> u64 {
        (self.0 & COUNT) >> COUNT_SHIFT
    }

    const fn time(self) -> u32 {
        (self.0 >> TIME_SHIFT) as u32
    }

    /// When its last failure was. `exact` is the time that was recorded last. It replaces the time
    /// of this word, unless two threads have interfered.
    pub(crate) fn last(self, exact: Tick) -> Tick {
        let later = self.time().wrapping_sub(units(exact) as u32) as i32;
        if later == 0 {
            return exact;
        }
        Tick::from_nanos(units(exact).wrapping_add_signed(later.into()) << UNIT_SHIFT)
    }

    /// The word after one more failure. `last` is the time that was recorded last. `None`: the
    /// machine has to decide about the failure.
    #[inline]
    pub(crate) const fn lengthened(self, rule: StreakRule, last: Tick, now: Tick) -> Option<Self> {
        let below = tag_of(self.0) == tag_of(rule.0) && self.0 & FAILURES < rule.most() && self.0 & COUNT != COUNT;
        if below && (self.is_empty() || rule.goes_on(self.time(), last, now)) {
            let time = (units(now) as u32 as u64) << TIME_SHIFT;
            Some(Self((self.0 & ((1 << TIME_SHIFT) - 1) | time) + (1 << COUNT_SHIFT) + 1))
        } else {
            None
        }
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
        let units = gap >> UNIT_SHIFT;
        Self(tagged(tag, most as u64, if units > u32::MAX as u64 { u32::MAX } else { units as u32 }))
    }

    const fn most(self) -> u64 {
        self.0 & LENGTH
    }

    /// Whether a failure is certainly at most the gap after the one before, and so goes on with its
    /// streak. The time of the word tells that, but comes again after 52 days. The recorded time
    /// does not, but another thread may record its own time.
    #[inline]
    const fn goes_on(self, time: u32, last: Tick, now: Tick) -> bool {
        let gap = (self.0 >> TIME_SHIFT) as u32;
        // Most failures are in the tick of the one before.
        if last.as_nanos() == now.as_nanos() && time == units(now) as u32 {
            return gap > 0;
        }
        let since = units(now).saturating_sub(units(last));
        (units(now) as u32).wrapping_sub(time) < gap && (since <= gap as u64 || gap == u32::MAX)
    }
}

/// The streak of a gate at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedStreak {
    pub(crate) word: StreakWord,
    /// When its first failure was.
    pub(crate) first: Tick,
    /// When its last failure was. It remains when the streak ends.
    pub(crate) last: Tick,
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u64 = 1 << UNIT_SHIFT;
    const NOW: Tick = Tick::from_nanos(UNIT * 1_000_000_000_000 + 5);

    const fn later(nanos: u64) -> Tick {
        Tick::from_nanos(NOW.as_nanos() + nanos)
    }

    #[test]
    fn a_word_counts_up_to_the_rule_and_keeps_its_tag_and_time() {
        let rule = StreakRule::new(7, 2, u64::MAX);
        let empty = StreakWord::new(7, 0, false, Tick::ZERO);
        let one = empty.lengthened(rule, Tick::ZERO, NOW).unwrap();
        let two = one.lengthened(rule, NOW, later(UNIT * 9)).unwrap();
        assert_eq!((empty.is_empty(), one.failures(), two.failures()), (true, 1, 2));
        assert_eq!(two.lengthened(rule, NOW, NOW), None, "the machine decides about the third");
        assert_eq!(two.last(later(UNIT * 9)), later(UNIT * 9), "the exact time is of the same unit");
        for other in [NOW, later(UNIT * 11)] {
            assert_eq!(two.last(other), Tick::from_nanos(later(UNIT * 9).as_nanos() - 5), "of another thread");
        }
        let ended = two.ended(rule).unwrap();
        assert!(ended.is_empty());
        let three = ended.lengthened(rule, NOW, NOW).unwrap();
        assert_eq!((three.failures(), three.uncounted()), (1, 3));
    }

    #[test]
    fn no_call_changes_a_word_of_another_tag_or_one_that_was_taken() {
        let rule = StreakRule::new(8, 2, u64::MAX);
        let other = StreakWord::new(7, 1, false, NOW);
        for word in [other, other.taken(9), other.taken(7)] {
            assert!(!word.is_empty() && word.lengthened(rule, NOW, NOW).is_none() && word.ended(rule).is_none());
        }
        let empty = StreakWord::new(7, 0, false, NOW).taken(9);
        assert!(empty.is_empty() && empty.lengthened(rule, NOW, NOW).is_none());
    }

    #[test]
    fn the_machine_ends_a_streak_of_which_it_has_a_part() {
        let rule = StreakRule::new(1, 9, u64::MAX);
        let part = StreakWord::new(1, 1, true, NOW);
        assert!(part.ended(rule).is_none());
        assert_eq!(part.lengthened(rule, NOW, NOW).unwrap().failures(), 2);
    }

    #[test]
    fn the_machine_decides_where_the_units_do_not_tell_whether_the_gap_is_over() {
        let gap = UNIT * 10 + 3;
        let rule = StreakRule::new(0, 9, gap);
        let word = StreakWord::new(0, 1, false, NOW);
        assert!(word.lengthened(rule, NOW, later(UNIT * 9)).is_some());
        for nanos in [UNIT * 10, gap, gap + 1, gap * 5] {
            assert!(word.lengthened(rule, NOW, later(nanos)).is_none(), "{nanos}");
        }
        let short = StreakRule::new(0, 9, UNIT - 1);
        assert!(word.lengthened(short, NOW, NOW).is_none());
        let empty = StreakWord::new(0, 0, false, NOW);
        assert!(empty.lengthened(short, NOW, NOW).is_some(), "a first failure has no gap");
        let off = StreakRule::new(0, 9, u64::MAX);
        assert!(word.lengthened(off, NOW, later(UNIT << 40)).is_some());
    }

    #[test]
    fn a_time_that_comes_again_after_52_days_is_not_taken_for_the_same() {
        let round = UNIT << 32;
        let word = StreakWord::new(0, 1, false, NOW);
        for gap in [UNIT * 10, round / 2] {
            let rule = StreakRule::new(0, 9, gap);
            assert!(word.lengthened(rule, NOW, later(UNIT)).is_some());
            assert!(word.lengthened(rule, NOW, later(round + UNIT)).is_none());
        }
    }

    #[test]
    fn long_streaks_and_many_failures_are_held_in_parts() {
        let rule = StreakRule::new(0, u32::MAX, u64::MAX);
        let full = StreakWord::new(0, LONGEST, false, NOW);
        assert!(full.lengthened(rule, NOW, NOW).is_none() && full.is_at_an_end(rule));
        assert_eq!(StreakWord::new(0, LONGEST - 1, false, NOW).lengthened(rule, NOW, NOW).unwrap().failures(), LONGEST);
        let mut word = StreakWord::new(0, 0, false, NOW);
        while let Some(longer) = word.lengthened(rule, NOW, NOW) {
            word = longer.ended(rule).unwrap();
        }
        assert_eq!((word.uncounted(), word.failures()), (4095, 0));
    }
}
